"""What no key of a config says wrong by itself, and two of them say wrong together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from microcalc.config import feature_sets, views
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.column_names import LATER_COLUMNS, OWN_COLUMNS, is_numbered
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.finetune_settings import FinetunedSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.score_settings import ScoreSettings
from microcalc.config.selection_settings import MrmrSettings
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import did_you_mean
from microcalc.core.table_reader import MISSING

GROUPED_BY = ("case_id", "patient_id", "center", "split", "label", "n_images")
"""Columns that make subgroups in every study."""

DEFAULT = "deep"
"""The set that the default score is made of, and the score that the default models take."""

SMALLEST_PX, LARGEST_PX = 32, 4096
"""Side of a patch: networks halve it five times; more fits into no memory."""


def found(config: StudyConfig) -> list[str]:
    """Return a line for every contradiction in a config that agrees with its schema.

    Parameters
    ----------
    config
        Of which every key is right by itself.

    Returns
    -------
    list of str
        Each begins with the place of a key; none where nothing contradicts anything.
    """
    parts = (
        *(_labels, _tables, _clinical, _named_variables, _features, _scores, _models),
        *(_screening, _images, _choices, _evaluation, _subgroups),
    )
    return [line for part in parts for line in part(config)]


def _labels(config: StudyConfig) -> Iterator[str]:
    labels = config.labels
    negative, positive = labels.negative, labels.positive
    if negative.casefold() == positive.casefold():
        yield "labels: negative and positive are the same label"
    for label in labels.excluded:
        if label in (negative, positive):
            yield f"labels.excluded: {label!r} is one of the two classes; take it out of one place"
    for key, text in (("negative", negative), ("positive", positive)):
        yield from _never_met(f"labels.{key}", text)


def _never_met(place: str, text: str) -> Iterator[str]:
    """Yield why no cell of a table can hold this text."""
    if text in MISSING:
        yield f"{place}: {text!r} stands for a missing value in every table; choose another word"
    elif text != text.strip():
        yield f"{place}: {text!r} begins or ends with a space, which is taken off every cell"


def _tables(config: StudyConfig) -> Iterator[str]:
    tables = config.cohort
    if tables.cases == tables.images:
        yield "cohort: cases and images are the same file; a study has a table of either"
    if tables.split_file in (tables.cases, tables.images):
        yield "cohort.split_file: is a table of the study already; give it a file of its own"
    for name in tables.other_columns:
        if name in config.clinical:
            yield (
                f"cohort.other_columns: {name!r} is declared under `clinical`; take it out of one "
                "of the two"
            )
        elif name in OWN_COLUMNS:
            yield f"cohort.other_columns: {name!r} is needed and cannot be left out"


def _clinical(config: StudyConfig) -> Iterator[str]:
    scores = [f"{score}_score" for score in config.scores]
    for name, entry in config.clinical.items():
        place = f"clinical.{name}"
        if name in (*OWN_COLUMNS, *LATER_COLUMNS, *scores) or is_numbered(name, config.features):
            yield f"{place}: MicroCalc has a column of this name itself; rename yours in the table"
        if entry.is_continuous and entry.levels is not None:
            yield f"{place}.levels: a continuous variable has none; is it categorical or ordinal?"
        if not entry.is_continuous:
            yield from _of_numbers(place, entry)
        if entry.lowest >= entry.highest:
            yield f"{place}: minimum is not below maximum"
        for level in entry.levels or ():
            yield from _never_met(f"{place}.levels", level)


def _of_numbers(place: str, entry: ClinicalVariable) -> Iterator[str]:
    """Yield what only a continuous variable can have."""
    if entry.knots is not None:
        yield f"{place}.knots: only a continuous variable can be a spline"
    limits = {"unit": entry.unit, "minimum": entry.minimum, "maximum": entry.maximum}
    for key, value in limits.items():
        if value is not None:
            yield f"{place}.{key}: belongs to continuous variables alone"


def _named_variables(config: StudyConfig) -> Iterator[str]:
    """Yield the names that are given as a clinical variable's and are none."""
    places: dict[str, Sequence[str]] = {"screening.variables": config.screening.variables}
    for name, spec in config.models.items():
        places[f"models.{name}.without"] = spec.without
        places[f"models.{name}.column"] = [spec.column] if spec.column is not None else []
        places[f"models.{name}.clinical"] = spec.fixed
    known = list(config.clinical)
    for place, names in places.items():
        for name in names:
            if name not in known:
                near = did_you_mean(name, known) or f"; there are {', '.join(known) or 'none'}"
                yield f"{place}: {name!r} is no clinical variable{near}"


def _models(config: StudyConfig) -> Iterator[str]:
    clinical = config.clinical
    candidates = [name for name, entry in clinical.items() if entry.candidate]
    defaults_miss = "models" not in config.model_fields_set and DEFAULT not in config.scores
    if defaults_miss:
        yield f"models: must be written, since the default ones take a score called {DEFAULT}"
    for name, spec in config.models.items():
        place, column = f"models.{name}", spec.column
        external, screened = spec.is_external_score, spec.clinical == "screened"
        if column is not None and not external:
            yield f"{place}.column: belongs to kind external_score alone"
        elif column is not None and column in clinical and clinical[column].candidate:
            yield (
                f"clinical.{column}.candidate: must be false, since {column} is the external score "
                f"of the model {name}; the screening would choose it too"
            )
        if not external and spec.clinical == "none" and not spec.taken:
            yield f"{place}: has no predictor; set clinical, or scores, or kind: external_score"
        if not defaults_miss:
            yield from _scores_of_model(config, place, spec)
        if spec.without and not screened:
            yield f"{place}.without: nothing is screened for this model (clinical: screened)"
        elif screened and not set(candidates) - set(spec.without):
            yield f"{place}.clinical: there is no variable to screen; declare some under `clinical`"


def _scores_of_model(config: StudyConfig, place: str, spec: ModelSettings) -> Iterator[str]:
    known = list(config.scores)
    for key, scores in (("scores", spec.scores), ("features_of", spec.features_of)):
        for score in scores:
            if score not in known:
                yield f"{place}.{key}: {_not_there(score, known, 'scores')}"
    yield from _folds_of_model(config, place, [name for name in spec.taken if name in known])
    selected_by: dict[str, str] = {}
    for score in (score for score in spec.features_of if score in known):
        row = config.scores[score]
        twice = [one for one in row.features if one in selected_by]
        if score in spec.scores:
            yield f"{place}.features_of: {score!r} is among its scores already"
        elif row.learner == "network":
            yield f"{place}.features_of: {score!r} is what networks say; it selects no features"
        elif twice:
            yield (
                f"{place}.features_of: {selected_by[twice[0]]!r} and {score!r} are both made of "
                f"{twice[0]!r}, whose features could stand there twice; name one of them"
            )
        selected_by |= dict.fromkeys(row.features, score)


def _folds_of_model(config: StudyConfig, place: str, scores: Sequence[str]) -> Iterator[str]:
    """Yield why no training case would have all scores from fits that never saw its fold."""
    by_folds: dict[tuple[str, int], str] = {}
    for score in scores:
        tuned = feature_sets.of_finetuned(config, score)
        if tuned and len(config.scores[score].features) > 1:
            return  # said of the score
        folds = tuned.folds if tuned else config.selection_of(score).folds
        by_folds.setdefault(("networks" if tuned else "selection", folds), score)
    if len(by_folds) > 1:
        (kind, folds), (other_kind, other) = [*by_folds][:2]
        names = " and ".join(map(repr, [*by_folds.values()][:2]))
        if kind == other_kind:
            key = "selection.folds" if kind == "selection" else "folds of their sets"
            yield (
                f"{place}: {names} are cross-fitted in {folds} and {other} folds; give both the "
                f"same {key}"
            )
        else:
            yield (
                f"{place}: {names} are cross-fitted in different folds, since fine-tuned networks "
                "have folds of their own; take them into models of their own"
            )


def _not_there(name: str, known: Sequence[str], table: str) -> str:
    near = did_you_mean(name, known) or f"; there are {_listed(known)}"
    return f"{name!r} is not in {table}{near}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _features(config: StudyConfig) -> Iterator[str]:
    starts = [row.network for row in feature_sets.finetuned(config).values()]
    named = {*starts, *(name for row in config.scores.values() for name in row.features)}
    for name, row in config.features.items():
        place = f"features.{name}"
        if isinstance(row, FinetunedSettings):
            yield from _start(config, f"{place}.network", row.network)
        else:
            yield from _of_every_set(config, place, row)
            if name in starts and row.harmonize != "none":
                yield (
                    f"{place}.harmonize: must be none, since networks of kind finetuned start from "
                    "it and are not trained on harmonized features"
                )
        # Where a name is misspelt, the set that it means is named nowhere.
        if name not in named and named <= config.features.keys():
            yield (
                f"{place}: no score is made of it; add a row to scores such as "
                f"{name}: {{features: [{name}]}}, or take it out"
            )


def _start(config: StudyConfig, place: str, name: str) -> Iterator[str]:
    """Yield why fine-tuned networks cannot start from a set."""
    networks = [n for n, row in config.features.items() if isinstance(row, NetworkSettings)]
    if name not in config.features:
        yield f"{place}: {_not_there(name, networks, 'features')}"
    elif name not in networks:
        yield f"{place}: {name!r} is not of kind network; there are {_listed(networks)}"


def _of_every_set(config: StudyConfig, place: str, row: FeatureSetSettings) -> Iterator[str]:
    stability, own = row.stability, config.images.reader
    if stability.readers and own is None:
        yield f"{place}.stability.readers: images.reader must name whose regions they repeat"
    elif own in stability.readers:
        yield f"{place}.stability.readers: {own!r} is images.reader; name others"
    if stability.perturbations and not any(
        (stability.shift_mm, stability.scale, stability.rotate_deg)
    ):
        yield (
            f"{place}.stability.perturbations: shift_mm, scale and rotate_deg are all 0, so that "
            "nothing would be perturbed"
        )
    if row.table is not None:
        left, per = FeatureSetSettings(), "image" if row.pools_views else "case"
        for key in ("region", "stability", *([] if row.pools_views else ["pool_views"])):
            if getattr(row, key) != getattr(left, key):
                yield (
                    f"{place}.{key}: is for sets that are measured in images; the columns of kind "
                    f"{row.plain()['kind']} come per {per} from a table, take it out"
                )
    if not isinstance(row, NetworkSettings):
        if row.harmonize == "adabn":
            yield f"{place}.harmonize: adabn is for networks; choose combat or none"
    elif row.precision == "float16" and row.device == "cpu":
        yield f"{place}.precision: float16 needs device cuda; choose bfloat16 or float32 on a cpu"


def _scores(config: StudyConfig) -> Iterator[str]:
    untrained = [n for n, row in config.features.items() if isinstance(row, FeatureSetSettings)]
    if "scores" not in config.model_fields_set and DEFAULT not in config.features:
        example = f"; write {DEFAULT}: {{features: [{untrained[0]}]}}" if untrained else ""
        yield f"scores: must be written, since the default takes a set called {DEFAULT}{example}"
        return
    # The first is drawn and written up, whatever models take.
    used = {*feature_sets.selecting(config)[:1]}
    used |= {name for model in config.models.values() for name in model.taken}
    for name, row in config.scores.items():
        place = f"scores.{name}"
        if name not in used and used <= config.scores.keys():
            yield (
                f"{place}: no model takes it; add a row to models such as "
                f"{name}: {{scores: [{name}]}}, or take it out"
            )
        unknown = [one for one in row.features if one not in config.features]
        for one in unknown:
            yield f"{place}.features: {_not_there(one, list(config.features), 'features')}"
        if not unknown:
            yield from _learner(config, place, row)
        mrmr = config.selection_of(name).mrmr
        if mrmr != config.selection.mrmr and row.learner == "lasso":
            yield from _mrmr(f"{place}.selection", mrmr)
    if untrained and not feature_sets.selecting(config):
        yield (
            "scores: at least one must select among features that saw no label, such as "
            f"{untrained[0]}: {{features: [{untrained[0]}]}}"
        )


def _learner(config: StudyConfig, place: str, row: ScoreSettings) -> Iterator[str]:
    tuned = [name for name in row.features if name in feature_sets.finetuned(config)]
    if row.learner == "network" and not tuned:
        yield f"{place}.learner: network is for sets of kind finetuned; choose lasso"
    elif tuned and len(row.features) > 1:
        yield (
            f"{place}.features: {tuned[0]!r} is of kind finetuned, whose training cases have their "
            "features from another network in each fold; make it a score of its own"
        )
    if row.learner == "network" and row.selection is not None:
        yield f"{place}.selection: nothing is selected with learner network; take it out"
    elif row.selection is not None:
        written = row.selection.model_fields_set
        if len(tuned) == len(row.features) and "folds" in written:
            yield (
                f"{place}.selection.folds: the folds are those of the networks; set "
                f"features.{tuned[0]}.folds"
            )
        basis = config.selection.training_scores
        if "training_scores" in written and row.selection.training_scores != basis:
            yield (
                f"{place}.selection.training_scores: is one for all scores; set "
                "selection.training_scores"
            )


def _screening(config: StudyConfig) -> Iterator[str]:
    screening, clinical = config.screening, config.clinical
    variables = screening.variables
    if screening.method == "fixed" and not variables:
        yield "screening.variables: method fixed needs the predictors named"
    if screening.method != "fixed" and variables:
        yield (
            f"screening.variables: method {screening.method} finds the predictors itself; "
            "choose method fixed, or name none"
        )
    for name in variables:
        if name in clinical and not clinical[name].candidate:
            yield f"screening.variables: {name!r} is kept out by clinical.{name}.candidate: false"


def _images(config: StudyConfig) -> Iterator[str]:
    images = config.images
    side = images.patch_mm / images.spacing_mm
    if not SMALLEST_PX <= side <= LARGEST_PX:
        yield (
            f"images.patch_mm: {images.patch_mm:g} mm in steps of images.spacing_mm, "
            f"{images.spacing_mm:g} mm, are {side:.4g} pixels; expected {SMALLEST_PX} to "
            f"{LARGEST_PX}"
        )
    if images.views != views.ALL and not set(images.views) & set(views.PROJECTIONS):
        yield (
            "images.views: lists what is particular to views and no view; add CC, MLO, or another "
            f"of {', '.join(views.PROJECTIONS)}"
        )


def _choices(config: StudyConfig) -> Iterator[str]:
    threshold = config.threshold
    yield from _mrmr("selection", config.selection.mrmr)
    if threshold.rule == "youden" and threshold.at_least is not None:
        yield (
            "threshold.at_least: the rule youden asks for no minimum; choose the rule sensitivity "
            "or specificity, or leave it null"
        )


def _mrmr(place: str, mrmr: MrmrSettings) -> Iterator[str]:
    if mrmr.engine == "pymrmr" and mrmr.scheme not in ("MIQ", "MID"):
        yield (
            f"{place}.mrmr: the engine pymrmr has no scheme {mrmr.scheme!r}; choose MIQ or MID, or "
            "the engine native"
        )


def _evaluation(config: StudyConfig) -> Iterator[str]:
    measured, models = config.evaluation, list(config.models)
    compared = dict.fromkeys(name for pair in measured.comparisons for name in pair)
    unknown = [name for name in compared if name not in models]
    if unknown and "comparisons" not in measured.model_fields_set:
        yield (
            "evaluation.comparisons: must be written, since the default compares models called "
            f"{', '.join(compared)}; there are {', '.join(models)}"
        )
        unknown = []
    for name in unknown:
        near = did_you_mean(name, models) or f"; there are {', '.join(models)}"
        yield f"evaluation.comparisons: {name!r} is no model{near}"
    for pair in measured.comparisons:
        if pair[0] == pair[1]:
            yield f"evaluation.comparisons: {pair[0]!r} is compared with itself"
    times = Counter(tuple(sorted(pair)) for pair in measured.comparisons)
    for a, b in (pair for pair, n in times.items() if n > 1):
        yield f"evaluation.comparisons: {a!r} and {b!r} are compared twice"
    curve = measured.net_benefit
    if curve.low > curve.high:
        yield "evaluation.net_benefit: low is above high"
    if not _rising(measured.reclassification.cuts):
        yield "evaluation.reclassification.cuts: are not rising"


def _subgroups(config: StudyConfig) -> Iterator[str]:
    clinical = config.clinical
    known = [*clinical, *GROUPED_BY]
    for name, cuts in config.evaluation.subgroups.columns.items():
        place = f"evaluation.subgroups.columns.{name}"
        numeric = name == "n_images" or (name in clinical and clinical[name].is_continuous)
        if name not in known:
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            yield f"{place}: {name!r} is no column of the case table{near}"
        elif cuts is not None and not numeric:
            yield f"{place}: has no numbers to cut; write null, and each value is a group"
        elif cuts is not None and not _rising(cuts):
            yield f"{place}: the cut points are not rising"


def _rising(cuts: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(cuts))
