"""Which of a study's models a figure shows, for the figure and for its caption."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from microcalc.config.score_names import score_column, score_of

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel


def of_nomogram(
    models: "Mapping[str, FrozenModel]", main_score: str, one_by_one: Collection[str]
) -> str | None:
    """Return the model whose nomogram is drawn.

    The last with clinical variables and a score, else the last with a clinical variable; a score
    alone needs no nomogram. In either step one that takes no score but the study's main one goes
    before the others.

    Parameters
    ----------
    models
        The frozen models by name, in the order of the config.
    main_score
        The score whose selection is drawn.
    one_by_one
        Models that take selected features one by one: named where there is no other.

    Returns
    -------
    str or None
        Its name; None where no model has a clinical variable.
    """
    drawable = {
        name: model for name, model in models.items() if not takes_features(model, one_by_one)
    }
    return _of_nomogram(drawable, main_score) or _of_nomogram(models, main_score)


def takes_features(model: "FrozenModel", one_by_one: Collection[str]) -> bool:
    """Return whether selected features are among a model's predictors, one by one.

    Parameters
    ----------
    model
        A frozen model.
    one_by_one
        Models that take selected features one by one, where the selection kept any.
    """
    return bool(model["scores"]) and model["name"] in one_by_one


def _of_nomogram(models: "Mapping[str, FrozenModel]", main_score: str) -> str | None:
    kinds = {name: {term["kind"] for term in model["terms"]} for name, model in models.items()}
    own = [name for name, model in models.items() if _takes_no_other(model, main_score)]
    for names in (own, list(models)):
        both = [name for name in names if "score" in kinds[name] and kinds[name] - {"score"}]
        if both:
            return both[-1]
    for names in (own, list(models)):
        clinical = [name for name in names if kinds[name] - {"score"}]
        if clinical:
            return clinical[-1]
    return None


def _takes_no_other(model: "FrozenModel", score: str) -> bool:
    """Return whether a model takes no score, or this one alone."""
    return {part["name"] for part in model["scores"]} <= {score}


def of_waterfall(models: "Mapping[str, FrozenModel]", main_score: str) -> str | None:
    """Return the model whose scores are drawn.

    Parameters
    ----------
    models
        The frozen models by name, in the order of the config.
    main_score
        The score whose selection is drawn.

    Returns
    -------
    str or None
        The first that is the main score alone, else the first that is any score alone.
    """
    alone = [name for name, model in models.items() if score_alone(model)]
    main = [name for name in alone if score_alone(models[name]) == main_score]
    return next(iter([*main, *alone]), None)


def score_alone(model: "FrozenModel") -> str | None:
    """Return the score that is all that a model takes.

    Parameters
    ----------
    model
        A frozen model.

    Returns
    -------
    str or None
        The score's name; None where the model takes anything else.
    """
    parts = {score_column(part["name"]) for part in model["scores"]}
    variables = [term["variable"] for term in model["terms"]]
    return score_of(variables[0]) if len(variables) == 1 and variables[0] in parts else None
