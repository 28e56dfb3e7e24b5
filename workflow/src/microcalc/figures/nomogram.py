"""The nomogram of a model, drawn to scale, with one case worked out."""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.figures import nomogram_points, number_format, palette, shown_models, style
from microcalc.figures.lasso_plots import spread
from microcalc.models.design import texts

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel, ModelTerm

Floats = npt.NDArray[np.float64]

ROW_MM = 13.0
LEFTMOST = -9.0
"""Where the axes' names end, in points."""
MOST_DEALT = 8
"""Labels up to which every way to deal them to the two sides of an axis is tried."""
RISKS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Example:
    """A case worked out.

    Attributes
    ----------
    values
        Its values as text, by variable.
    points
        What they score, by variable.
    split
        The set it comes from.
    """

    values: Mapping[str, str]
    points: Mapping[str, float]
    split: str


@style.styled
def draw(
    models: "Mapping[str, FrozenModel]",
    cases: pd.DataFrame,
    clinical: ClinicalVariables,
    *,
    labels: Labels,
    main_score: str,
    one_by_one: Collection[str] = (),
) -> Figure:
    """Return the nomogram of the model that `shown_models.of_nomogram` names.

    Parameters
    ----------
    models
        The frozen models by name, in the order of the config.
    cases
        The included cases with their clinical columns and a column per score, such as
        `deep_score`. Axes span the training cases; the worked example is the held-out
        case of median probability among those with every value known and on the axes.
    clinical
        The config's clinical section.
    labels
        Names of the `negative` and `positive` class.
    main_score, one_by_one
        See `shown_models.of_nomogram`.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead where there is no such model, or straight axes cannot show
        it.
    """
    name = shown_models.of_nomogram(models, main_score, one_by_one)
    if name is None:
        return _message("No model has a clinical variable: there is no nomogram to draw.")
    obstacle = _obstacle(models[name], one_by_one)
    if obstacle:
        return _message(f"No nomogram of the {name} model: {obstacle}.")
    nomogram = nomogram_points.scale(models[name], ranges(models[name], cases))
    if nomogram is None:
        return _message(f"No nomogram of the {name} model: nothing moves its prediction.")
    example = work_out(nomogram, models[name], cases)
    return _figure(nomogram, models[name], example, clinical, labels)


def _message(text: str) -> Figure:
    return style.message(style.new_figure(style.PAGE_MM, 30), text)


def _obstacle(model: "FrozenModel", one_by_one: Collection[str]) -> str:
    """Return why straight axes of known values cannot show a model; nothing when they can."""
    for term in model["terms"]:
        if "spline" in term:
            return f"{term['variable']} is a spline, and no straight axis holds its bends"
    if shown_models.takes_features(model, one_by_one):
        return "it takes selected features one by one, and no axis holds them together"
    return ""


def ranges(model: "FrozenModel", cases: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest training value of each variable that is a number.

    Parameters
    ----------
    model
        A frozen model.
    cases
        The included cases with split, clinical columns and a column per score.

    Returns
    -------
    dict
        By variable, (least, largest) in its own unit; NaN where no training case has a value.
    """
    training = cases[cases["split"] == "train"]
    found = {}
    for term in model["terms"]:
        if term["kind"] != "categorical":
            values = pd.to_numeric(training[term["variable"]], errors="coerce")
            found[term["variable"]] = float(values.min()), float(values.max())
    return found


def work_out(
    nomogram: nomogram_points.Scale, model: "FrozenModel", cases: pd.DataFrame
) -> Example | None:
    """Return the case that the nomogram works out as an example.

    Parameters
    ----------
    nomogram
        The model's points.
    model
        The frozen model.
    cases
        As of `ranges`.

    Returns
    -------
    Example or None
        The held-out case of median total; None where none has every value known and on the axes.
    """
    held_out = cases[cases["split"] != "train"]
    columns = {
        term["variable"]: _values(term, held_out[term["variable"]]) for term in model["terms"]
    }
    spans = {axis.variable: max(axis.points) for axis in nomogram.axes}
    found = []
    for row, split in enumerate(held_out["split"]):
        case = {variable: values[row] for variable, values in columns.items()}
        if any(value is None for value in case.values()):
            continue
        own = nomogram.of_case(case)
        if all(-1e-9 <= own[name] <= span + 1e-9 for name, span in spans.items()):
            found.append((sum(own.values()), row, case, own, split))
    if not found:
        return None
    found.sort(key=lambda entry: entry[:2])
    _, _, case, own, split = found[len(found) // 2]
    digits = {term["variable"]: 2 if term["kind"] == "score" else 0 for term in model["terms"]}
    shown = {
        name: value if isinstance(value, str) else number_format.number(value, digits[name])
        for name, value in case.items()
    }
    return Example(shown, own, str(split))


def _values(term: "ModelTerm", column: pd.Series) -> Sequence[Any]:
    if term["kind"] == "categorical":
        known = {str(term["reference"]), *map(str, term["coefficients"])}
        return [value if value in known else None for value in texts(column)]
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    return [None if np.isnan(value) else float(value) for value in numbers]


def _figure(
    nomogram: nomogram_points.Scale,
    model: "FrozenModel",
    example: Example | None,
    clinical: ClinicalVariables,
    labels: Labels,
) -> Figure:
    n_rows = len(nomogram.axes) + 3
    sentence = _sentence(nomogram, model, example, clinical, labels) if example else ""
    n_lines = 1 + sentence.count("\n")
    bottom = n_rows - 0.35 + n_lines * 3.4 / ROW_MM
    figure = style.new_figure(style.PAGE_MM, ROW_MM * (bottom + 0.5))
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set(xlim=(-34, 104), ylim=(bottom, -0.5))
    ruler = np.arange(0, 101, 10)
    _axis(axes, 0, "Points", ruler.astype(float), [str(tick) for tick in ruler], fine=2)
    for row, axis in enumerate(nomogram.axes, start=1):
        label = number_format.variable_with_unit(axis.variable, clinical)
        is_text = any(
            term["variable"] == axis.variable and term["kind"] == "categorical"
            for term in model["terms"]
        )
        _axis(axes, row, label, np.array(axis.points), list(axis.labels), staggered=is_text)
    locator = MaxNLocator(nbins=10, steps=[1, 2, 5, 10])
    totals = np.asarray(locator.tick_values(0, nomogram.most), dtype=float)
    stretch = nomogram_points.LONGEST / totals[-1]
    below, risk_row = n_rows - 2, n_rows - 1
    _axis(axes, below, "Total points", totals * stretch, [f"{tick:g}" for tick in totals])
    risks = np.array(RISKS)
    at = nomogram.total(risks)
    risks, at = risks[(at >= 0) & (at <= totals[-1])], at[(at >= 0) & (at <= totals[-1])]
    name = f"Probability of {labels.positive}"
    _axis(axes, risk_row, name, at * stretch, [f"{risk:g}" for risk in risks], staggered=True)
    cut = float(nomogram.total(float(model["threshold"]))) * stretch
    if 0 <= cut <= nomogram_points.LONGEST:
        axes.plot(cut, risk_row, marker="v", markersize=5, color=palette.BLACK, zorder=4)
    if example:
        _example(axes, nomogram, example, stretch, n_rows)
        axes.text(-34, n_rows - 0.35, sentence, fontsize=7, va="top", color=palette.VERMILLION)
    return figure


def _axis(
    axes: Axes,
    row: int,
    label: str,
    at: Floats,
    names: Sequence[str],
    *,
    staggered: bool = False,
    fine: int = 0,
) -> None:
    axes.text(-34, row, number_format.wrapped(label, 24), fontsize=8, va="center")
    if not len(at):
        return
    axes.plot([at.min(), at.max()], [row, row], color=palette.BLACK, linewidth=0.8)
    order = np.argsort(at, kind="stable")
    if fine:
        for tick in np.arange(at.min(), at.max() + 1e-9, fine):
            axes.plot([tick, tick], [row, row + 0.06], color=palette.BLACK, linewidth=0.4)
    below_and_above = _sides(at, names, order) if staggered else (order,)
    for way, own in zip((1, -1), below_and_above, strict=False):
        places = _apart(at[own], [names[i] for i in own])
        for i, place in zip(own, places, strict=True):
            axes.plot(
                [at[i], at[i], place],
                [row, row + way * 0.1, row + way * 0.18],
                color=palette.BLACK,
                linewidth=0.5,
            )
            axes.text(
                place, row + way * 0.2, names[i], fontsize=7, ha="center",
                va="top" if way > 0 else "bottom", zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
            )  # fmt: skip


def _sides(
    at: Floats, names: Sequence[str], order: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which labels stand below and which above the line, nearest to their ticks.

    They take turns unless another deal moves them less.
    """

    def moved(deal: npt.NDArray[np.bool_]) -> float:
        sides = order[~deal], order[deal]
        ways = [_apart(at[own], [names[i] for i in own]) - at[own] for own in sides]
        return round(float(sum((way**2).sum() for way in ways)), 6)

    turns = np.arange(len(order)) % 2 == 1
    deals = [turns]
    if len(order) <= MOST_DEALT:
        deals += [
            np.array((False, *deal)) for deal in product((False, True), repeat=len(order) - 1)
        ]
    best = min(deals, key=moved)
    return order[~best], order[best]


def _apart(at: Floats, names: Sequence[str]) -> Floats:
    """Return where sorted labels stand so that none runs into the next or the axis' name."""
    if not len(at):
        return at
    widths = 2.4 + 1.08 * np.array([len(name) for name in names])
    offsets = np.concatenate([[0.0], np.cumsum((widths[1:] + widths[:-1]) / 2)])
    places: Floats = np.maximum(spread(at - offsets, 0.0), LEFTMOST + widths[0] / 2) + offsets
    return places


def _example(
    axes: Axes, nomogram: nomogram_points.Scale, example: Example, stretch: float, n_rows: int
) -> None:
    look: dict[str, Any] = {"color": palette.VERMILLION, "zorder": 5}
    for row, axis in enumerate(nomogram.axes, start=1):
        place = example.points[axis.variable]
        axes.plot([place, place], [0, row], linewidth=0.5, linestyle=(0, (2, 2)), **look)
        axes.plot(place, row, marker="o", markersize=4, **look)
    total = sum(example.points.values()) * stretch
    axes.plot([total, total], [n_rows - 2, n_rows - 1], linewidth=0.8, **look)
    for row in (n_rows - 2, n_rows - 1):
        axes.plot(total, row, marker="o", markersize=4, **look)


def _sentence(
    nomogram: nomogram_points.Scale,
    model: "FrozenModel",
    example: Example,
    clinical: ClinicalVariables,
    labels: Labels,
) -> str:
    parts = [
        f"{number_format.variable(axis.variable, clinical)} "
        f"{example.values[axis.variable]} ({example.points[axis.variable]:.0f})"
        for axis in nomogram.axes
    ]
    probability = float(nomogram.probability(sum(example.points.values())))
    # a reader adds what stands here, in whole points
    total = sum(round(example.points[axis.variable]) for axis in nomogram.axes)
    called = labels.positive if probability >= model["threshold"] else labels.negative
    text = (
        f"Example: {' + '.join(parts)} = {total} points; probability of "
        f"{labels.positive} {number_format.number(probability)}, threshold "
        f"{number_format.number(float(model['threshold']))} (▼): called {called}."
    )
    return textwrap.fill(text, 120)
