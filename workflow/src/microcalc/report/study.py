"""A study's results as the report reads them, and plain facts drawn from them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcalc.config import feature_sets
from microcalc.config.cohort_settings import Labels
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.selection_settings import SelectionSettings
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError
from microcalc.core.files import read_csv, read_json
from microcalc.figures import number_format, shown_models
from microcalc.figures.number_format import SPLITS
from microcalc.plan import cam_model
from microcalc.report import format as fmt
from microcalc.report.run_times import RunTime

if TYPE_CHECKING:
    import pandas as pd

    from microcalc.models.frozen import FrozenModel

Files = Mapping[str, str | os.PathLike[str] | Sequence[str | os.PathLike[str]]]

INTERCEPT = "(intercept)"
SELECTION = "selection"
"""The folder of results that holds one per score."""
_BY_NAME = {"models", "figures", "galleries"}
JUDGED = {"train": "out_of_fold", "internal": "held_out", "external": "held_out"}


@dataclass(frozen=True)
class Study:
    """A study's results as the report reads them.

    Attributes
    ----------
    config
        The whole config, defaults filled in.
    tables
        Every CSV file it was given, by its name without suffix; of those in a score's folder,
        the main score's.
    documents
        Every JSON file, likewise.
    models
        The frozen models by name, in the config's order.
    figures
        Every figure's file by its stem: `roc_internal`.
    sheets
        The smaller copies of the images' contact sheets, one per shard.
    of_scores
        The CSV files in the scores' folders, by score and name.
    times
        What every rule took, by room and rule, where it is to be shown.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.config.study_config import StudyConfig
    >>> from microcalc.report.study import Study
    >>> config = StudyConfig.of({
    ...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
    ...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
    ...     "features": {"deep": {"kind": "network", "weights": "random"}},
    ...     "clinical": {"age": {"kind": "continuous", "unit": "years"}},
    ... })
    >>> features = ["(intercept)", "deep_0007"]
    >>> selected = pd.DataFrame({"feature": features, "coefficient": [-0.2, 1.1]})
    >>> mine = Study(config, tables={"selected": selected}, documents={}, models={}, figures={})
    >>> mine.main_score, mine.n_selected, mine.level
    ('deep', 1, '95%')
    >>> mine.variable_label("age"), mine.variable_names(["age", "n_images"])
    ('Age (years)', 'age and images per case')
    """

    config: StudyConfig
    tables: "Mapping[str, pd.DataFrame]"
    documents: Mapping[str, Any]
    models: "Mapping[str, FrozenModel]"
    figures: Mapping[str, Path]
    sheets: tuple[Path, ...] = ()
    of_scores: "Mapping[str, Mapping[str, pd.DataFrame]]" = field(default_factory=dict)
    times: Mapping[str, Mapping[str, RunTime]] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Files, *, config: StudyConfig) -> "Study":
        """Return the study of these files.

        Parameters
        ----------
        files
            `models`, `figures` and `galleries` by these names; every other file is a table (.csv)
            or a document (.json), alone or in a list, and known by its own name, and a table in
            `selection/<score>/` by its score's too. One that the report does not know is kept and
            not shown.
        config
            The whole config.

        Raises
        ------
        StudyError
            When a table or document cannot be read.
        FileNotFoundError
            When one is not there.
        """
        tables: dict[str, pd.DataFrame] = {}
        of_scores: dict[str, dict[str, pd.DataFrame]] = {}
        documents: dict[str, Any] = {}
        for name in (name for name in files if name not in _BY_NAME):
            for path in map(Path, _several(files, name)):
                if path.suffix == ".csv" and path.parent.parent.name == SELECTION:
                    of_scores.setdefault(path.parent.name, {})[path.stem] = read_csv(path)
                elif path.suffix == ".csv":
                    tables[path.stem] = read_csv(path)
                elif path.suffix == ".json":
                    documents[path.stem] = read_json(path)
        if of_scores:
            tables |= of_scores.get(feature_sets.main_score(config), {})
        frozen = {Path(path).stem: read_json(path) for path in _several(files, "models")}
        return cls(
            config=config,
            tables=tables,
            documents=documents,
            models={name: frozen[name] for name in config.models if name in frozen},
            figures={Path(path).stem: Path(path) for path in _several(files, "figures")},
            sheets=tuple(Path(path) for path in _several(files, "galleries")),
            of_scores=of_scores,
        )

    def of_case(self, case_id: str) -> "Study":
        """Return this study with the rows of one case alone, in the tables that tell cases apart.

        Raises
        ------
        StudyError
            When no table knows the case.
        """
        tables = {
            name: table[table["case_id"] == case_id] if "case_id" in table else table
            for name, table in self.tables.items()
        }
        if not any(len(table) for table in tables.values() if "case_id" in table):
            raise StudyError(f"case {case_id}: nothing is known of it; check the case table")
        return replace(self, tables=tables)

    def has(self, name: str) -> bool:
        """Return whether the study has a table of that name with at least one row."""
        return name in self.tables and len(self.tables[name]) > 0

    @property
    def labels(self) -> Labels:
        """Names of the classes."""
        return self.config.labels

    @cached_property
    def simulated(self) -> bool:
        """Whether the images are phantoms."""
        return self.config.simulate is not None

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that have results, in order."""
        there = set(self.tables["metrics"]["split"])
        return tuple(split for split in SPLITS if split in there)

    @cached_property
    def main_score(self) -> str:
        """The score whose selection is drawn and written up."""
        return feature_sets.main_score(self.config)

    @property
    def selection(self) -> SelectionSettings:
        """How the main score selects."""
        return self.config.selection_of(self.main_score)

    @cached_property
    def n_selected(self) -> int:
        """Number of features with a coefficient in the main score."""
        return self.kept(self.main_score)

    @property
    def selected_scores(self) -> list[str]:
        """The scores whose selection is known, the main one first."""
        known = [name for name in self.of_scores if "selected" in self.of_scores[name]]
        lasso = [name for name, row in self.config.scores.items() if row.learner == "lasso"]
        others = [name for name in lasso if name in known and name != self.main_score]
        return [self.main_score, *others] if "selected" in self.tables else others

    def kept(self, score: str) -> int:
        """Return the number of a score's features with a coefficient, by its `selected.csv`.

        Raises
        ------
        KeyError
            When the score has none; `selected_scores` names those that have.
        """
        features = self._of_score(score, "selected")["feature"]
        return int((features != INTERCEPT).sum())

    def is_constant(self, score: str) -> bool:
        """Return whether a score is known to be the same for every case."""
        return score in self.selected_scores and not self.kept(score)

    def left_after(self, step: str, score: str) -> int:
        """Return how many features a step of a score's selection left, by its `funnel.csv`.

        Parameters
        ----------
        step
            `extracted`, `mRMR`, `LASSO` or another that the selection has.
        score
            A score that selects.

        Raises
        ------
        KeyError
            When the score has no such table, or the table no such step.
        """
        return int(self._of_score(score, "funnel").set_index("step")["n_features"][step])

    def _of_score(self, score: str, name: str) -> "pd.DataFrame":
        is_main = score == self.main_score
        return self.tables[name] if is_main else self.of_scores[score][name]

    @property
    def level(self) -> str:
        """The confidence of every interval, as text: `95%`."""
        return f"{100 * self.config.evaluation.confidence:g}%"

    @property
    def nomogram_model(self) -> str | None:
        """The model that the nomogram shows; None where no model has a clinical variable."""
        return shown_models.of_nomogram(self.models, self.main_score, self.one_by_one)

    @property
    def map_model(self) -> str:
        """The model that maps explain; empty where none can."""
        return cam_model.name(self.config) or ""

    @property
    def map_backbone(self) -> str:
        """The backbone behind it."""
        name = cam_model.set_of(self.config)
        row = self.config.features[name] if name else None
        return row.backbone if isinstance(row, NetworkSettings) else ""

    @property
    def one_by_one(self) -> list[str]:
        """The models that take selected features one by one."""
        return [name for name, spec in self.config.models.items() if spec.features_of]

    @property
    def waterfall_score(self) -> str:
        """The score that is drawn case by case; the main one where no model is a score alone."""
        model = shown_models.of_waterfall(self.models, self.main_score)
        alone = shown_models.score_alone(self.models[model]) if model else None
        return alone or self.main_score

    @property
    def screens(self) -> bool:
        """Whether some model takes its clinical predictors from the screening."""
        return any(spec.clinical == "screened" for spec in self.config.models.values())

    @property
    def split_given(self) -> bool:
        """Whether the user's case table says who is in which set."""
        return "split" in self.documents["inputs"]["columns"]["case table"]

    @cached_property
    def clustered(self) -> bool:
        """Whether some patient has more than one case in a set."""
        metrics = self.tables["metrics"]
        return "n_patients" in metrics and bool((metrics["n_patients"] < metrics["n"]).any())

    @cached_property
    def exact(self) -> bool:
        """Whether some AUC's interval is exact, since all pairs of cases are ranked alike."""
        metrics = self.tables["metrics"]
        if "auc_method" not in metrics:
            return False
        return bool(metrics["auc_method"].fillna("").str.endswith("exact interval").any())

    @property
    def repeats_in_training(self) -> bool:
        """Whether some patient had more than one case in a regression on clinical variables."""
        from microcalc.models.regression import CORRECTED

        methods = (self.tables[name]["method"] for name in ("univariable", "multivariable"))
        return any(of_table.astype(str).str.contains(CORRECTED).any() for of_table in methods)

    def sizes(self, split: str) -> tuple[int, int]:
        """Return the number of negative and positive cases of a split, by `metrics`.

        Raises
        ------
        IndexError
            When it has no results, see `splits`.
        """
        rows = self.tables["metrics"]
        row = rows[rows["split"] == split].iloc[0]
        return int(row["n_neg"]), int(row["n_pos"])

    def metric_rows(self, split: str, kind: str | None = None) -> "pd.DataFrame":
        """Return the metrics of a split, models in the config's order.

        Parameters
        ----------
        split
            Which set.
        kind
            How its cases were predicted; None for the kind that it is judged by (`JUDGED`).

        Returns
        -------
        pandas.DataFrame
            Rows of `metrics.csv`; none where the set was not predicted so.
        """
        rows = self.tables["metrics"]
        own = rows[(rows["split"] == split) & (rows["kind"] == (kind or JUDGED[split]))]
        order = {name: i for i, name in enumerate(self.config.models)}
        return own.sort_values("model", key=lambda names: names.map(order), kind="stable")

    def rows_of(self, name: str, split: str) -> list[dict[Any, Any]]:
        """Return a table's rows of a split, of the kind it is judged by, in the config's order.

        Parameters
        ----------
        name
            A table with the columns `split`, `kind` and `model`.
        split
            Which set.
        """
        rows = self.tables[name]
        own = rows[(rows["split"] == split) & (rows["kind"] == JUDGED[split])]
        order = {name: i for i, name in enumerate(self.config.models)}
        records: list[dict[Any, Any]] = own.to_dict("records")
        return sorted(records, key=lambda row: order.get(row["model"], len(order)))

    def variable_label(self, name: str) -> str:
        """Return a clinical variable's name and unit for people: `Age (years)`."""
        return number_format.variable_with_unit(name, self.config.clinical)

    def variable_name(self, name: str) -> str:
        """Return a clinical variable's name inside a sentence: `age`, but `BI-RADS category`."""
        return _in_a_sentence(number_format.variable(name, self.config.clinical))

    def variable_names(self, names: Iterable[str]) -> str:
        """Return `a, b and c` of clinical variables."""
        return fmt.joined([self.variable_name(name) for name in names])


def _in_a_sentence(label: str) -> str:
    """Return a label without its capital, unless the word needs it: `BI-RADS category`, `Ki-67`."""
    rest = label.partition(" ")[0][1:]
    own = any(letter.isupper() or letter.isdigit() for letter in rest)
    return label if own else label[:1].lower() + label[1:]


def _several(files: Files, name: str) -> list[str | os.PathLike[str]]:
    entry = files.get(name, [])
    return [entry] if isinstance(entry, (str, os.PathLike)) else list(entry)


def shown(config: StudyConfig) -> dict[str, Any]:
    """Return the config's plain values without the folder of the images, which may name people.

    It is what documents print and `history/` keeps.
    """
    plain = config.plain()
    return {**plain, "cohort": {**plain["cohort"], "image_folder": "(not shown)"}}
