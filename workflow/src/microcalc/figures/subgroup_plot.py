"""AUCs in subgroups, as a forest plot."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.figures import forest, number_format, style
from microcalc.figures.roc import kind_shown

MOST_INTERVALS = 4
"""Models up to which a page has room for every interval in figures."""


@style.styled
def draw(
    subgroups: pd.DataFrame,
    *,
    split: str,
    models: Sequence[str],
    clinical: ClinicalVariables,
    labels: Labels,
    confidence: float,
) -> Figure:
    """Return every model's AUC in every subgroup of one set.

    Parameters
    ----------
    subgroups
        `evaluation/subgroups.csv`.
    split
        Which set.
    models
        Every model of the study, in the order of its config.
    clinical
        The config's clinical section, for the columns' names.
    labels
        Names of the `negative` and `positive` class.
    confidence
        Level of the intervals, for the axis.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead where no subgroup was estimated.
    """
    own = subgroups[(subgroups["split"] == split) & (subgroups["kind"] == kind_shown(split))]
    if own.empty:
        return style.message(
            style.new_figure(style.PAGE_MM, 30),
            f"{number_format.split_label(split)}: no subgroup was estimated.",
        )
    looks = style.models(models)
    figure = forest.plot(
        list(_lines(own, looks, clinical)),
        left=f"{number_format.split_label(split)} ({labels.negative}, {labels.positive})",
        headings=tuple(number_format.label(name) for name in looks),
        xlabel=f"AUC ({100 * confidence:g}% CI)",
        reference=0.5,
        limits=_limits(own),
    )
    figure.legend(
        handles=[
            Line2D(
                [], [], color=look.color, marker=look.marker, markersize=4, linewidth=0.9,
                label=number_format.label(name),
            )
            for name, look in looks.items()
        ],
        loc="outside lower left",
        ncols=style.legend_columns([number_format.label(name) for name in looks]),
    )  # fmt: skip
    return figure


def _lines(
    own: pd.DataFrame,
    looks: Mapping[str, style.ModelLook],
    clinical: ClinicalVariables,
) -> Iterator[forest.Line]:
    for column in dict.fromkeys(own["column"]):
        block = own[own["column"] == column]
        yield forest.Line(
            number_format.variable(str(column), clinical),
            columns=tuple(_interaction(block[block["model"] == name]) for name in looks),
            heading=True,
        )
        for group in dict.fromkeys(block["group"]):
            rows = block[block["group"] == group].set_index("model")
            first = rows.iloc[0]
            sizes = f"{int(first['n_neg'])}, {int(first['n_pos'])}"
            marks = tuple(
                _mark(rows.loc[name], look) for name, look in looks.items() if name in rows.index
            )
            texts = tuple(
                _text(rows.loc[name], short=len(looks) > MOST_INTERVALS)
                if name in rows.index
                else ""
                for name in looks
            )
            yield forest.Line(f"{group} ({sizes})", marks, texts, indented=True)


def _mark(row: "pd.Series[Any]", look: style.ModelLook) -> forest.Mark:
    return forest.Mark(row["auc"], row["low"], row["high"], look.color, look.marker)


def _text(row: "pd.Series[Any]", *, short: bool) -> str:
    if not np.isfinite(row["auc"]):
        return "–" if short else str(row["status"])
    if short:
        return number_format.number(row["auc"])
    return number_format.estimate(row["auc"], row["low"], row["high"])


def _interaction(block: pd.DataFrame) -> str:
    """Return the P value that the groups share one AUC, as far as there is one."""
    known = block["p_interaction"].dropna()
    if known.empty:
        return ""
    return f"P {number_format.p_value(float(known.iloc[0]), equals=True)}"


def _limits(own: pd.DataFrame) -> tuple[float, float]:
    low = own["low"].min()
    return (max(0.0, min(0.4, float(low) - 0.02)) if np.isfinite(low) else 0.0), 1.01
