"""Paths of a study's files whose place, or whose being there, depends on its config.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from microcalc.config import feature_sets
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.published_weights import is_published
from microcalc.config.study_config import StudyConfig
from microcalc.plan import cam_model, plain_path, replicate_blocks, stability


class Wildcards(Protocol):
    """A job's wildcards, as Snakemake gives them."""

    def __getattr__(self, name: str) -> str:
        """Return the value of a wildcard."""


@dataclass(frozen=True)
class Paths:
    """The files of one study, as Snakemake names them: relative to the working directory.

    A set is known by its folder and a table of columns by its name, as in `config.feature_sets`;
    `tuned` is a row of `features` of kind finetuned. What a study has not got is an empty list, so
    that it can stand among a rule's inputs.

    Attributes
    ----------
    config
        The study's config.
    frozen
        Where models are applied, the results folder of the study that froze them.

    Examples
    --------
    >>> from microcalc.config.study_config import StudyConfig
    >>> from microcalc.plan.paths import Paths
    >>> paths = Paths(StudyConfig.of({
    ...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
    ...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
    ...     "features": {"deep": {"kind": "network", "weights": "random"}}, "clinical": {},
    ... }))
    >>> paths.log("extract_patches", ["shard"])
    'results/mine/logs/extract_patches/{shard}.log'
    >>> paths.weights("deep"), paths.adapted("deep")
    (['results/mine/features/deep/weights/resnet101.safetensors'], [])
    """

    config: StudyConfig
    frozen: Path | None = None

    def result(self, path: str) -> str:
        """Return a file under the study's results."""
        return f"results/{self.config.study}/{path}"

    def log(self, rule: str, wildcards: Sequence[str] = ()) -> str:
        """Return the log of a rule, or of each of its jobs: `logs/extract_patches/{shard}.log`."""
        job = _of_job(wildcards)
        return self.result(f"logs/{rule}{'/' if job else ''}{job}.log")

    def time(self, rule: str, wildcards: Sequence[str] = ()) -> str:
        """Return the file that says how long a rule took, or each of its jobs."""
        job = _of_job(wildcards)
        return self.result(f"history/times/{rule}{'/' if job else ''}{job}.tsv")

    def shard(self, number: int) -> str:
        """Return the file of a shard's patches."""
        return self.result(f"images/shard-{number}.npz")

    def where(self, asked: object, *paths: str) -> list[str]:
        """Return files under the study's results where they are asked for, else nothing."""
        return [self.result(path) for path in paths if asked]

    @cached_property
    def sets(self) -> dict[str, FeatureSetSettings]:
        """The settings of each set that is measured, by its folder, see `config.feature_sets`."""
        return feature_sets.measured(self.config, self.trained)

    def network(self, folder: str) -> NetworkSettings | None:
        """Return the settings of a set's network; None where it has none."""
        row = self.sets[folder]
        return row if isinstance(row, NetworkSettings) else None

    def trained(self, tuned: str, member: str) -> str:
        """Return what the weights of a fine-tuned network are prepared from."""
        if self.frozen:
            return self._in_frozen(f"{tuned}/{member}", self.backbone(tuned))
        return self.result(f"features/{tuned}/{member}.safetensors")

    def backbone(self, tuned: str) -> str:
        """Return the backbone of fine-tuned networks."""
        return feature_sets.start(self.config, tuned).backbone

    def prepared(self, tuned: str, *, members: Sequence[str]) -> list[str]:
        """Return the prepared weights of fine-tuned networks."""
        return [path for member in members for path in self.weights(f"{tuned}/{member}")]

    def start(self, tuned: str) -> list[str]:
        """Return the prepared weights that fine-tuned networks start from."""
        return self.weights(feature_sets.finetuned(self.config)[tuned].network)

    def heads(self, tuned: str) -> str:
        """Return the heads of fine-tuned networks; those of the study that froze the models."""
        backbone = self.backbone(tuned)
        if self.frozen:
            return self._in_frozen(tuned, backbone)
        return self.result(f"features/{tuned}/weights/{backbone}.safetensors")

    def _in_frozen(self, folder: str, backbone: str) -> str:
        return plain_path.of(f"{self.frozen}/features/{folder}/weights/{backbone}.safetensors")

    def weights(self, folder: str) -> list[str]:
        """Return the prepared weights of a set's network; nothing where it has none."""
        row = self.network(folder)
        if row is None:
            return []
        return [self.result(f"features/{folder}/weights/{row.backbone}.safetensors")]

    def source(self, folder: str, backbone: str) -> list[str]:
        """Return what a network's weights are prepared from; nothing where they are generated."""
        row = self.network(folder)
        if row is None or row.weights == "random":
            return []
        if is_published(row.weights):
            return [self.result(f"features/{folder}/weights/{backbone}.fetched.json")]
        return [plain_path.of(row.weights)]

    def adapted(self, folder: str) -> list[str]:
        """Return a network's batch-norm statistics of each center; nothing unless adapted."""
        is_adapted = self.sets[folder].harmonize == "adabn"
        return self.where(is_adapted, f"features/{folder}/adapted.safetensors")

    def columns(self, table: str) -> str:
        """Return the file of a table of columns, see `config.feature_sets`."""
        name = feature_sets.of_table(table)
        return self.result(f"features/{name}/{'features' if name == table else 'logits'}.parquet")

    def tables_of(self, *scores: str) -> list[str]:
        """Return the files of the tables of columns that these scores are made of."""
        return [self.columns(name) for name in feature_sets.tables(self.config, *scores)]

    def weights_behind(self, table: str) -> list[str]:
        """Return the weights that give a table of columns; nothing where no network does."""
        name = feature_sets.of_table(table)
        if name != table:
            return [self.heads(name)]
        if name in feature_sets.finetuned(self.config):
            return self.weights(f"{name}/{feature_sets.WHOLE}")
        return self.weights(name)

    def redrawn(self, *scores: str) -> list[str]:
        """Return scores' features from regions drawn otherwise, see `plan.stability`."""
        return [
            self.result(f"features/{name}/{drawn}.parquet")
            for name, drawn, _ in stability.redrawn(self.config, *scores)
        ]

    def parts(self, design: str, suffix: str = "") -> list[str]:
        """Return the files of all blocks of a design of replicates; none where it is off."""
        numbers = replicate_blocks.numbers(self.config.evaluation, design)
        return [self.result(f"evaluation/parts/{design}-{n}{suffix}.csv") for n in numbers]

    def optional_figures(self) -> list[str]:
        """Return the figures of what a study need not have: refits, maps, fine-tuning."""
        return [
            *self.where(replicate_blocks.is_any(self.config.evaluation), "figures/resampling.svg"),
            *self.where(cam_model.name(self.config), "figures/saliency.svg"),
            *self.where(feature_sets.trained(self.config), "figures/learning_curves.svg"),
        ]

    def choice(self) -> list[str]:
        """Return the record of the chosen variant; nothing where none is to be chosen."""
        chooses = feature_sets.must_choose(self.config) and not self.frozen
        return self.where(chooses, "models/choice.json")

    def simulated_shard(self, wildcards: Wildcards) -> list[str]:
        """Return the manifest of a shard's phantoms; none in a study of real patients."""
        return self.where(self.config.simulate, f"simulate/shard-{wildcards.shard}.json")

    def mapped_case(self, wildcards: Wildcards) -> list[str]:
        """Return the figure of a case's maps; nothing where no map adds up to a score."""
        figure = f"figures/case-{wildcards.case}/case_map.svg"
        return self.where(cam_model.name(self.config), figure)


def _of_job(wildcards: Sequence[str]) -> str:
    """Return what tells a rule's jobs apart."""
    return "-".join(f"{{{name}}}" for name in wildcards)
