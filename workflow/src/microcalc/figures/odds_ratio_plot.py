"""Odds ratios of the clinical variables, alone and together."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.figures import forest, number_format, palette, style

# an axis from 1/50 to 50 holds what a study of hundreds of cases can estimate; one that goes
# further keeps its mark clear of the arrowhead at the axis' end
WIDEST, CLEARANCE, UTMOST = 50.0, 2.0, 1000.0


@style.styled
def draw(
    univariable: pd.DataFrame,
    multivariable: pd.DataFrame,
    clinical: ClinicalVariables,
    *,
    labels: Labels,
    confidence: float,
) -> Figure:
    """Return the forest plot of univariable (hollow) and multivariable (filled) odds ratios.

    Parameters
    ----------
    univariable, multivariable
        `models/univariable.csv` and `models/multivariable.csv`.
    clinical
        The config's clinical section: labels, units, order.
    labels
        Names of the classes.
    confidence
        Level of the intervals, for the headings.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead where the study has no clinical variable.
    """
    if univariable.empty:
        return style.message(
            style.new_figure(style.PAGE_MM, 40), "The study has no clinical variable."
        )
    lines = list(_lines(univariable, multivariable, clinical))
    level = f"{100 * confidence:g}% CI"
    figure = forest.plot(
        lines,
        left="Variable (n)",
        headings=(f"Univariable ({level})", f"Multivariable ({level})"),
        xlabel=f"Odds ratio for {labels.positive}",
        reference=1.0,
        limits=_limits(lines),
        logarithmic=True,
    )
    handles = [
        Line2D(
            [], [], color=palette.GREY, marker="o", markerfacecolor="white", label="univariable"
        ),
        Line2D([], [], color=palette.BLACK, marker="s", label="multivariable"),
    ]
    for handle in handles:
        handle.set(linewidth=0.9, markersize=4)
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _lines(
    univariable: pd.DataFrame,
    multivariable: pd.DataFrame,
    clinical: ClinicalVariables,
) -> Iterator[forest.Line]:
    together = {
        (row["variable"], row["level"]): row
        for row in multivariable.fillna({"level": ""}).to_dict("records")
    }
    table = univariable.fillna({"level": ""})
    for variable in dict.fromkeys(table["variable"]):
        rows = table[table["variable"] == variable].to_dict("records")
        name = number_format.variable(variable, clinical)
        if len(rows) == 1 and not rows[0]["level"]:
            unit = number_format.unit(variable, clinical)
            per = f", per {unit.removesuffix('s')}" if unit else ""
            yield _line(f"{name}{per}", rows[0], together)
            continue
        yield forest.Line(name)
        for row in rows:
            yield _line(str(row["level"]), row, together, indented=True)


def _line(
    label: str,
    row: Mapping[Any, Any],
    together: Mapping[tuple[Any, Any], Mapping[Any, Any]],
    *,
    indented: bool = False,
) -> forest.Line:
    adjusted = together.get((row["variable"], row["level"]))
    marks, texts = [], []
    for source, color, marker, hollow in (
        (row, palette.GREY, "o", True),
        (adjusted, palette.BLACK, "s", False),
    ):
        if source is None:
            texts.append("–")
        elif not np.isfinite(source["or_low"]) and source["odds_ratio"] == 1:
            texts.append("1 (reference)")
        else:
            bounds = source["odds_ratio"], source["or_low"], source["or_high"]
            marks.append(forest.Mark(*bounds, color=color, marker=marker, hollow=hollow))
            texts.append(number_format.ratio(*bounds))
    return forest.Line(f"{label} ({int(row['n'])})", tuple(marks), tuple(texts), indented=indented)


def _limits(lines: list[forest.Line]) -> tuple[float, float]:
    marks = [mark for line in lines for mark in line.marks]
    ends = _positive([end for mark in marks for end in (mark.low, mark.high)]) or [1.0]
    values = _positive([mark.value for mark in marks]) or [1.0]
    lowest = max(min(1 / WIDEST, min(values) / CLEARANCE), 1 / UTMOST)
    highest = min(max(WIDEST, max(values) * CLEARANCE), UTMOST)
    return max(min(*ends, 0.5) / 1.1, lowest), min(max(*ends, 2.0) * 1.1, highest)


def _positive(values: list[float]) -> list[float]:
    return [float(value) for value in values if np.isfinite(value) and value > 0]
