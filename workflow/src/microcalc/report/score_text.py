"""What the sets of features and the scores of a study are called in its texts.

Each function returns words that fit inside a sentence, without a capital or a full stop unless it
says so; `sets`, `names` and `score` are names of rows of the config.

Examples
--------
>>> from microcalc.config.study_config import StudyConfig
>>> from microcalc.report import score_text
>>> network = {"kind": "network", "weights": "random"}
>>> config = StudyConfig.of({
...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
...     "features": {"deep": network, "whole_breast": network | {"backbone": "resnet50"}},
...     "clinical": {},
...     "scores": {"fusion": {"features": ["deep", "whole_breast"]}},
...     "models": {"fusion": {"scores": ["fusion"]}},
... })
>>> score_text.features_of(config, "fusion"), score_text.any_score(config)
('deep and whole breast features', 'fusion score')
>>> score_text.title(config), score_text.described(config), score_text.initialized(config)
('Deep features', 'resnet101, resnet50', 'Random weights.')
>>> score_text.learner(config, "fusion"), score_text.takers(config, "fusion")
('LASSO', ['fusion'])
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from microcalc.config import feature_sets
from microcalc.config.feature_kinds import FeatureSet
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.finetune_settings import FinetunedSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.published_weights import is_published
from microcalc.config.score_names import score_words
from microcalc.config.selection_settings import SelectionSettings
from microcalc.config.study_config import StudyConfig
from microcalc.config.table_settings import TableSettings
from microcalc.report import format as fmt
from microcalc.report.study import Study

T = TypeVar("T")

HARMONIZED = {"adabn": "AdaBN", "combat": "ComBat"}

POOLED = {
    "mean": "averaged over the views of a case",
    "max": "their maximum over the views of a case",
    "concat": (
        "those of the CC and of the MLO view side by side (where a case lacks one of the two, the "
        "other stood in)"
    ),
}


def plain(name: str) -> str:
    """Return the name of a set or score as words, underscores as spaces.

    Examples
    --------
    >>> from microcalc.report import score_text
    >>> score_text.plain("whole_breast")
    'whole breast'
    """
    return name.replace("_", " ")


def features(sets: Sequence[str]) -> str:
    """Return what the columns of one or more sets are called.

    Examples
    --------
    >>> from microcalc.report import score_text
    >>> score_text.features(["deep"]), score_text.features(["deep", "densenet"])
    ('deep features', 'deep and densenet features')
    """
    *others, last = sets
    return fmt.joined([*map(plain, others), f"{plain(last)} features"])


def scores(names: Sequence[str]) -> str:
    """Return what one or more scores are called.

    Examples
    --------
    >>> from microcalc.report import score_text
    >>> score_text.scores(["deep"]), score_text.scores(["deep", "densenet"])
    ('deep score', 'deep and densenet scores')
    """
    *others, last = names
    plural = "s" if others else ""
    return fmt.joined([*map(plain, others), score_words(last)]) + plural


def features_of(config: StudyConfig, score: str) -> str:
    """Return what the columns that a score is made of are called, see `features`."""
    return features(config.scores[score].features)


def any_score(config: StudyConfig) -> str:
    """Return what a sentence about every score calls one: its name where there is one alone."""
    names = list(config.scores)
    return score_words(names[0]) if len(names) == 1 else "score"


def any_features(config: StudyConfig) -> str:
    """Return what a sentence about every set calls its columns, see `any_score`."""
    sets = feature_sets.taken(config)
    return features(sets) if len(sets) == 1 else "features"


def title(config: StudyConfig) -> str:
    """Return the heading of the section on features, with its capital."""
    return "Deep features" if are_deep(config) else "Features"


def are_deep(config: StudyConfig) -> bool:
    """Return whether networks, frozen or fine-tuned, measure every set."""
    networks = NetworkSettings, FinetunedSettings
    return all(isinstance(row, networks) for row in config.features.values())


def purpose_of_patches(config: StudyConfig) -> str:
    """Return what becomes of a patch: it `goes on to the network`."""
    if are_deep(config):
        return "goes on to the network"
    rows = measured_sets(config).values()
    if all(isinstance(row, TableSettings) for row in rows):
        return "was cut around them"
    return "features are measured in"


def measured_sets(config: StudyConfig) -> dict[str, FeatureSet]:
    """Return the rows of the sets that scores take, by name, but those of fine-tuned networks."""
    rows = {name: config.features[name] for name in feature_sets.taken(config)}
    return {name: row for name, row in rows.items() if not isinstance(row, FinetunedSettings)}


def subject(sets: Sequence[str], config: StudyConfig) -> str:
    """Return what a sentence on some of the measured sets begins with: `Features`, if on all.

    It begins with a capital: `The deep features`.
    """
    is_all = set(sets) == set(measured_sets(config))
    return "Features" if is_all else f"The {features(sets)}"


def alike(config: StudyConfig, key: str) -> list[tuple[list[str], Any]]:
    """Return the values of a key that the measured sets have, each with the sets that have it.

    Parameters
    ----------
    config
        Of the study.
    key
        A key that every kind of set has, such as `region`.

    Returns
    -------
    list of (list of str, value)
        In the order of the sets; each value once.

    Raises
    ------
    AttributeError
        When the row of a measured set has no such key.
    """
    return _grouped({name: getattr(row, key) for name, row in measured_sets(config).items()})


def _grouped(values: Mapping[str, T]) -> list[tuple[list[str], T]]:
    """Return each value once, with the names that have it."""
    groups: list[tuple[list[str], T]] = []
    for name, value in values.items():
        group = next((names for names, other in groups if other == value), None)
        if group is None:
            groups.append(([name], value))
        else:
            group.append(name)
    return groups


def is_stability_asked(config: StudyConfig) -> bool:
    """Return whether features of some set had to be stable."""
    rows = measured_sets(config).values()
    return any(isinstance(row, FeatureSetSettings) and row.stability.is_asked for row in rows)


def views_pooled(row: FeatureSetSettings) -> str:
    """Return how the columns of a case's views became those of the case."""
    return POOLED[row.pool_views]


def n_columns(study: Study, name: str) -> int | None:
    """Return the number of columns of a set; None where no score is made of it alone."""
    for score in study.selected_scores:
        if study.config.scores[score].features == (name,):
            return study.left_after("extracted", score)
    return None


def networks(config: StudyConfig) -> dict[str, NetworkSettings]:
    """Return the rows of the sets of kind network, by name; fine-tuned ones are of another kind."""
    rows = config.features.items()
    return {name: row for name, row in rows if isinstance(row, NetworkSettings)}


def started_from(config: StudyConfig) -> set[str]:
    """Return the sets whose networks fine-tuned ones start from."""
    return {row.network for row in feature_sets.finetuned(config).values()}


def are_weights_given(config: StudyConfig) -> bool:
    """Return whether the authors must say how the weights of some network were trained."""
    sources = [row.weights for row in networks(config).values()]
    return any(not is_published(source) and source != "random" for source in sources)


def computed_elsewhere(config: StudyConfig) -> dict[str, TableSettings]:
    """Return the sets that scores take and whose columns other software computed."""
    rows = measured_sets(config).items()
    return {name: row for name, row in rows if isinstance(row, TableSettings)}


def described(config: StudyConfig) -> str:
    """Return what measures the sets, each once: the networks' architectures."""
    rows = config.features.items()
    names = [_measure(n, row) for n, row in rows if not isinstance(row, FinetunedSettings)]
    return ", ".join(dict.fromkeys(names))


def _measure(name: str, row: FeatureSetSettings) -> str:
    if isinstance(row, NetworkSettings):
        return row.backbone
    if isinstance(row, TableSettings):
        return f"{features([name])} (computed elsewhere)"
    return features([str(row.plain()["kind"])])


def initialized(config: StudyConfig) -> str:
    """Return which weights the networks begin with, as a sentence."""
    sources = {name: row.weights for name, row in networks(config).items()}
    if not sources:
        return "No network."
    if set(sources.values()) == {"random"}:
        return "Random weights."
    if len(sources) == 1:
        return f"Weights: {next(iter(sources.values()))}."
    listed = [f"{source} ({features([name])})" for name, source in sources.items()]
    return f"Weights: {'; '.join(listed)}."


def not_trained(config: StudyConfig) -> str:
    """Return that no network was trained, as a sentence."""
    n = len(networks(config))
    if n == 1:
        return "The network was not trained here."
    return "The networks were not trained here." if n else "No network was trained."


def random_networks(config: StudyConfig) -> list[str]:
    """Return the sets whose networks have random weights and so never saw an image."""
    return [name for name, row in networks(config).items() if row.weights == "random"]


def harmonized(config: StudyConfig) -> dict[str, str]:
    """Return how centers were evened out, by set (`adabn` or `combat`), where they were.

    These are the measured sets.
    """
    rows = measured_sets(config).items()
    methods = {n: row.harmonize for n, row in rows if isinstance(row, FeatureSetSettings)}
    return {name: method for name, method in methods.items() if method != "none"}


def transductive(config: StudyConfig) -> str:
    """Return the methods that looked at validation images as a group: `AdaBN and ComBat`.

    Nothing without one.
    """
    return fmt.joined([HARMONIZED[name] for name in sorted(set(harmonized(config).values()))])


def selections(config: StudyConfig) -> list[tuple[list[str], SelectionSettings]]:
    """Return how scores select: each way once, with the scores that do it so.

    The main score's way comes first.
    """
    return _grouped({name: config.selection_of(name) for name in selecting(config)})


def selecting(config: StudyConfig) -> list[str]:
    """Return the scores that select their features, the main one first."""
    main = feature_sets.main_score(config)
    lasso = [name for name, row in config.scores.items() if row.learner == "lasso"]
    return sorted(lasso, key=lambda score: score != main)


def penalties(config: StudyConfig) -> str:
    """Return which penalized regressions make the scores: `LASSO`, `LASSO and elastic net`."""
    return fmt.joined(list(dict.fromkeys(learner(config, name) for name in selecting(config))))


def folds(config: StudyConfig) -> str:
    """Return in how many folds scores are cross-fitted: `5`, or `5 or 10`."""
    numbers = [config.selection_of(name).folds for name in feature_sets.selecting(config)]
    return " or ".join(map(str, sorted(set(numbers))))


def learner(config: StudyConfig, score: str) -> str:
    """Return what makes a score of its columns: `LASSO`, `elastic net` or `fine-tuned networks`."""
    if config.scores[score].learner == "network":
        return "fine-tuned networks"
    return "LASSO" if config.selection_of(score).lasso.alpha == 1 else "elastic net"


def takers(config: StudyConfig, score: str) -> list[str]:
    """Return the models that take a score, as it is or feature by feature, in their order."""
    return [name for name, model in config.models.items() if score in model.taken]


def one_of(names: Sequence[str]) -> str:
    """Return what a sentence about each of some scores calls one: by its name, if it is alone.

    Examples
    --------
    >>> from microcalc.report import score_text
    >>> score_text.one_of(["deep"]), score_text.one_of(["deep", "densenet"])
    ('deep score', 'score')
    """
    return score_words(names[0]) if len(names) == 1 else "score"


def are_held(config: StudyConfig) -> bool:
    """Return whether some model takes a score beside other predictors."""
    return any(row.scores and not row.is_score_alone for row in config.models.values())


def beside(config: StudyConfig) -> str:
    """Return what stands beside models' scores: `clinical predictors` or `other predictors`."""
    is_several = any(row.scores and len(row.taken) > 1 for row in config.models.values())
    return "other predictors" if is_several else "clinical predictors"


def candidates(study: Study) -> str:
    """Return how many columns scores were selected from: `2,048 deep features`.

    With several scores each is named: `2,048 features for the deep score and …`.
    """
    config = study.config
    numbers = {
        score: fmt.count(study.left_after("extracted", score)) for score in study.selected_scores
    }
    if len(config.scores) == 1:
        return fmt.joined([f"{n} {features_of(config, score)}" for score, n in numbers.items()])
    return fmt.joined([f"{n} features for the {score_words(s)}" for s, n in numbers.items()])


def alone(config: StudyConfig, score: str) -> str | None:
    """Return the first model that is this score alone; None without one."""
    return next((n for n in takers(config, score) if config.models[n].is_score_alone), None)


def left_out(score: str) -> str:
    """Return how the note begins of a model that does without a score, see `models.notes`.

    Examples
    --------
    >>> from microcalc.report import score_text
    >>> score_text.left_out("deep")
    'the deep score was left out'
    """
    return f"the {score_words(score)} was left out"


def averaged(config: StudyConfig) -> list[FinetunedSettings]:
    """Return the rows of the fine-tuned sets whose networks' logits are scores that models take."""
    names = [name for name in feature_sets.of_logits(config) if takers(config, name)]
    rows = feature_sets.finetuned(config)
    return [rows[config.scores[name].features[0]] for name in names]
