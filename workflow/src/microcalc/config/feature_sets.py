"""Which sets of features a study measures, and which tables of columns its scores are made of.

A set that patches go through is known by its folder under features/: its own name, or that of
fine-tuned networks and one of their members, "tuned/fold-0". A table of columns per case is known
by its set's name; that of fine-tuned networks' logits is "tuned/logits". Every job on a cluster
reads this again, so it imports nothing heavy.

Functions take the completed config, or the settings of measured sets by folder (`measured`), and
return names in the order of the config. `tuned` is a row of `features` of kind finetuned, `member`
the name of one of its networks, `score` a row of `scores`.

Examples
--------
>>> from microcalc.config import feature_sets
>>> from microcalc.config.study_config import StudyConfig
>>> config = StudyConfig.of({
...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
...     "features": {
...         "deep": {"kind": "network", "weights": "random"},
...         "tuned": {"kind": "finetuned", "network": "deep", "folds": 3},
...     },
...     "scores": {
...         "deep": {"features": ["deep"]},
...         "tuned": {"features": ["tuned"], "learner": "network"},
...     },
...     "clinical": {},
... })
>>> feature_sets.trained(config), feature_sets.tables_of(config, "tuned")
(['tuned/fold-0', 'tuned/fold-1', 'tuned/fold-2'], ('tuned/logits',))
>>> feature_sets.main_score(config), feature_sets.of_logits(config), feature_sets.taken(config)
('deep', ['tuned'], ['deep', 'tuned'])
"""

import re
from collections.abc import Callable, Collection, Mapping

from microcalc.config.feature_settings import FeatureSetSettings, StabilitySettings
from microcalc.config.finetune_settings import FinetunedSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.study_config import StudyConfig

WHOLE = "whole"
"""The trained network that leaves no fold out, whose features a LASSO selects from."""

LOGITS = "logits"


def folds(n_folds: int) -> tuple[str, ...]:
    """Return the names of the trained networks that leave a fold out.

    Examples
    --------
    >>> from microcalc.config import feature_sets
    >>> feature_sets.folds(2), feature_sets.left_out("fold-1")
    (('fold-0', 'fold-1'), 1)
    """
    return tuple(f"fold-{k}" for k in range(n_folds))


def left_out(member: str) -> int:
    """Return the fold that a trained network never sees; -1, which is none, for `WHOLE`."""
    return -1 if member == WHOLE else int(member.removeprefix("fold-"))


def finetuned(config: StudyConfig) -> dict[str, FinetunedSettings]:
    """Return the rows of `features` of kind finetuned."""
    rows = config.features.items()
    return {name: row for name, row in rows if isinstance(row, FinetunedSettings)}


def start(config: StudyConfig, tuned: str) -> NetworkSettings:
    """Return the settings of the network that fine-tuned ones start from."""
    row = config.features[finetuned(config)[tuned].network]
    assert isinstance(row, NetworkSettings)  # noqa: S101  (the checks across fields say so)
    return row


def members(config: StudyConfig, tuned: str) -> tuple[str, ...]:
    """Return the names of the networks that are trained for a row of kind finetuned."""
    learners = {row.learner for row in config.scores.values() if tuned in row.features}
    whole = (WHOLE,) if "lasso" in learners else ()
    return (*whole, *folds(finetuned(config)[tuned].folds))


def trained(config: StudyConfig) -> list[str]:
    """Return every network that is trained, by its folder: tuned/fold-0, ..."""
    return [f"{name}/{member}" for name in finetuned(config) for member in members(config, name)]


def taken(config: StudyConfig) -> list[str]:
    """Return the sets that scores take, in the order of `features`."""
    used = {name for row in config.scores.values() for name in row.features}
    return [name for name in config.features if name in used]


def measured(
    config: StudyConfig, tuned_weights: Callable[[str, str], str]
) -> dict[str, FeatureSetSettings]:
    """Return the settings of each set that is measured, by its folder.

    Parameters
    ----------
    config
        The completed config.
    tuned_weights
        Gives the file that a trained network's weights are prepared from, by its row of
        `features` and its own name.
    """
    found: dict[str, FeatureSetSettings] = {}
    for name, row in config.features.items():
        if isinstance(row, FinetunedSettings):
            for member in members(config, name):
                found[f"{name}/{member}"] = start(config, name).model_copy(
                    update={
                        "weights": tuned_weights(name, member),
                        # A head takes the mean over the views of what goes into it.
                        "layers": ("penultimate",),
                        "pool_views": "mean",
                        "stability": StabilitySettings(),
                    }
                )
        else:
            found[name] = row
    return found


def pattern(names: Collection[str]) -> str:
    r"""Return a regular expression for some names; of none, one that nothing matches.

    Examples
    --------
    >>> from microcalc.config import feature_sets
    >>> feature_sets.pattern(["deep", "tuned/fold-0"]), feature_sets.pattern([])
    ('(?:deep|tuned/fold\\-0)', '(?!)')
    """
    return f"(?:{'|'.join(map(re.escape, names))})" if names else "(?!)"


def tables_of(config: StudyConfig, score: str) -> tuple[str, ...]:
    """Return the tables of columns that a score is made of."""
    row = config.scores[score]
    if row.learner == "network":
        return tuple(f"{name}/{LOGITS}" for name in row.features)
    return row.features


def tables(config: StudyConfig, *scores: str) -> list[str]:
    """Return every table of columns that some scores are made of."""
    return list(dict.fromkeys(name for score in scores for name in tables_of(config, score)))


def scores_taken(config: StudyConfig) -> list[str]:
    """Return the scores that models take, in the order of `scores`."""
    used = {name for model in config.models.values() for name in model.taken}
    return [name for name in config.scores if name in used]


def of_images(measured_sets: Mapping[str, FeatureSetSettings]) -> list[str]:
    """Return the folders of the sets that patches go through."""
    return [folder for folder, row in measured_sets.items() if row.table is None]


def with_torch(measured_sets: Mapping[str, FeatureSetSettings]) -> list[str]:
    """Return the folders of the sets whose jobs run where torch is."""
    return [folder for folder, row in measured_sets.items() if row.needs_torch]


def without_torch(measured_sets: Mapping[str, FeatureSetSettings]) -> list[str]:
    """Return the folders of the other sets that patches go through."""
    return [name for name in of_images(measured_sets) if not measured_sets[name].needs_torch]


def from_tables(measured_sets: Mapping[str, FeatureSetSettings]) -> list[str]:
    """Return the folders of the sets whose columns come from a table of the user's."""
    return [folder for folder, row in measured_sets.items() if row.table is not None]


def tables_given(config: StudyConfig) -> dict[str, str]:
    """Return the user's table of each set that comes from one."""
    rows = {n: row for n, row in config.features.items() if isinstance(row, FeatureSetSettings)}
    return {name: row.table for name, row in rows.items() if row.table is not None}


def of_table(table: str) -> str:
    """Return the set that a table of columns belongs to.

    Examples
    --------
    >>> from microcalc.config import feature_sets
    >>> feature_sets.of_table("tuned/logits"), feature_sets.of_table("deep")
    ('tuned', 'deep')
    """
    return table.removesuffix(f"/{LOGITS}")


def of_finetuned(config: StudyConfig, score: str) -> FinetunedSettings | None:
    """Return the fine-tuned networks that a score is made of; None where it is of none."""
    rows = finetuned(config)
    return next((rows[name] for name in config.scores[score].features if name in rows), None)


def is_finetuned(config: StudyConfig, score: str) -> bool:
    """Return whether a score is made of networks that were trained on labels."""
    return of_finetuned(config, score) is not None


def selecting(config: StudyConfig) -> list[str]:
    """Return the scores whose selection can be fitted again on any cases.

    A fine-tuned network has seen the labels of the cases that a replicate leaves out or permutes.
    """
    return [name for name in config.scores if not is_finetuned(config, name)]


def selecting_finetuned(config: StudyConfig) -> list[str]:
    """Return the scores that select among the features of fine-tuned networks."""
    rows = config.scores.items()
    return [n for n, row in rows if row.learner == "lasso" and is_finetuned(config, n)]


def of_logits(config: StudyConfig) -> list[str]:
    """Return the scores that are the logits of fine-tuned networks."""
    return [name for name, row in config.scores.items() if row.learner == "network"]


def refittable_models(config: StudyConfig) -> list[str]:
    """Return the models that a refit can fit again, see `selecting`."""
    again = set(selecting(config))
    return [name for name, model in config.models.items() if again.issuperset(model.taken)]


def main_score(config: StudyConfig) -> str:
    """Return the score whose selection is drawn and written up: the first of `selecting`."""
    return selecting(config)[0]


def main_set(config: StudyConfig) -> str:
    """Return the first set of features of the main score."""
    return config.scores[main_score(config)].features[0]


def harmonized(config: StudyConfig) -> str:
    """Return how centers were evened out in the sets that scores take; "none" where in none."""
    rows = [config.features[name] for name in taken(config)]
    methods = [row.harmonize for row in rows if isinstance(row, FeatureSetSettings)]
    return ", ".join(sorted(set(methods) - {"none"})) or "none"


def variants(config: StudyConfig) -> list[str]:
    """Return the models of one score alone, of fine-tuned networks or of what those start from.

    Which of them goes on to external validation is chosen on internal validation.
    """
    rows = finetuned(config)
    related = {*rows, *(row.network for row in rows.values())}
    return [
        name
        for name, model in config.models.items()
        if model.is_score_alone and related.intersection(config.scores[model.scores[0]].features)
    ]


def must_choose(config: StudyConfig) -> bool:
    """Return whether there are variants to choose among: only fine-tuning makes any."""
    scores = [config.models[name].scores[0] for name in variants(config)]
    return any(is_finetuned(config, score) for score in scores)
