"""Notes of a frozen model: what a reader should know about its fit."""

from collections.abc import Iterable

import numpy as np

from microcalc.config import feature_sets
from microcalc.config.model_settings import ThresholdSettings
from microcalc.config.score_names import score_words
from microcalc.models.equation import LEAST_SLOPE
from microcalc.models.recipe import Fitted, Recipe
from microcalc.models.training_tables import ScoreTables, Tables

NO_CLINICAL = "no clinical variable was kept"
NO_FEATURE = "the LASSO kept no feature"
LEFT_OUT = "score was left out"
SLOPE_HELD = "the slope of the networks' logits was held"
UNLIKE = "the folds' selections are unlike the final one"
APPARENT_THRESHOLD = "the threshold was chosen on apparent scores"
SEPARATION = "the predictors separate the classes"
APPARENT = (
    "apparent: fitted on training cases whose {features} the selection had seen, as in many "
    "papers; the {features} are trusted more than they deserve"
)


def of_model(
    recipe: Recipe, fitted: Fitted, tables: Tables, threshold: ThresholdSettings
) -> list[str]:
    """Return one sentence, without its capital and stop, for each thing to know.

    Parameters
    ----------
    recipe, fitted
        How the model was fitted, and what came of it.
    tables
        What it was fitted on.
    threshold
        The config's `threshold`.

    Returns
    -------
    list of str
        In the order in which they are shown; empty where there is nothing to know.
    """
    equation = fitted.equation
    used = [term.variable for term in equation.design.terms if term.kind != "score"]
    told = [NO_CLINICAL] if recipe.uses_clinical and not used else []
    for name in recipe.spec.taken:
        told += _of_selection(name, fitted, tables.scores[name])
    if recipe.spec.is_score_alone and tables.scores[recipe.spec.scores[0]].learner == "network":
        told += _of_slope(equation.coefficients[0])
    seen = [name for name in equation.scores if name in recipe.apparent]
    if seen:
        own = [table for name in seen for table in tables.scores[name].parts]
        told.append(APPARENT.format(features=feature_words(own)))
    if threshold.scores == "apparent":
        told.append(f"{APPARENT_THRESHOLD}, which are optimistic")
    if "Firth" in equation.method:
        told.append(f"{SEPARATION}: Firth's penalized likelihood")
    return told


def _of_selection(name: str, fitted: Fitted, tables: ScoreTables) -> list[str]:
    told: list[str] = []
    n_selected = len(tables.selected) - 1
    if not n_selected:
        told.append(f"{NO_FEATURE}: the {score_words(name)} is the same for every case")
    if name in fitted.left_out:
        slope = fitted.left_out[name]
        told.append(
            f"the {name.replace('_', ' ')} {LEFT_OUT}: "
            + (
                f"beside the other predictors its coefficient would not be above 0 ({slope:.2g})"
                if slope <= 0
                else "beside it another score's coefficient would not be above 0"
            )
            + ", which is noise in a score trained toward the positive class"
        )
    rarer = min(fitted.equation.n_positive, fitted.equation.n - fitted.equation.n_positive)
    features = feature_words(tables.parts)
    if n_selected > rarer:
        told.append(
            f"{n_selected} {features} were selected, more than the {rarer} cases of the rarer class"
        )
    counts = tables.crossfit_selected.groupby("fold").size().sub(1).tolist()
    # Of fine-tuned networks the final score is a mean over folds, and nothing was selected.
    if tables.learner != "network" and unlike(n_selected, counts):
        told.append(
            f"{UNLIKE}: it kept {n_selected} {features[:-1] if n_selected == 1 else features}, "
            "those without a fold kept "
            f"{', '.join(map(str, counts[:-1]))} and {counts[-1]}; out-of-fold scores are "
            "theirs"
        )
    return told


def feature_words(tables: Iterable[str]) -> str:
    """Return what the features of some tables are called in a sentence.

    Parameters
    ----------
    tables
        Tables of columns, by name.

    Returns
    -------
    str
        Their sets, each once: "deep features", "deep and densenet features".

    Examples
    --------
    >>> from microcalc.models import notes
    >>> notes.feature_words(["deep", "tuned/logits"])
    'deep and tuned features'
    """
    named = (feature_sets.of_table(table).replace("_", " ") for table in tables)
    *others, last = dict.fromkeys(named)
    return f"{', '.join(others)} and {last} features" if others else f"{last} features"


def unlike(n_selected: int, counts: list[int]) -> bool:
    """Return whether selections without a fold are unlike the final one in what they keep.

    Some keep nothing where the final one keeps something, or their median is less than half or
    more than twice its number. Where the final one keeps nothing, no model takes its score.

    Parameters
    ----------
    n_selected
        Features that the final selection kept.
    counts
        Features that the selection without each fold kept, at least one fold.

    Returns
    -------
    bool
        False where the final selection kept nothing.

    Examples
    --------
    >>> from microcalc.models import notes
    >>> notes.unlike(10, [8, 9, 11, 12]), notes.unlike(10, [0, 9, 11, 12])
    (False, True)
    """
    middle = float(np.median(counts))
    far = middle < n_selected / 2 or middle > 2 * n_selected
    return n_selected > 0 and (min(counts) == 0 or far)


def _of_slope(slope: float) -> list[str]:
    if slope > LEAST_SLOPE:
        return []
    return [
        f"{SLOPE_HELD} at {LEAST_SLOPE:g}: out of fold they do not tell the classes apart in the "
        "direction they were trained for"
    ]
