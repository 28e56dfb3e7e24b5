"""Distributions of AUCs over refits: bootstrap, repeated splits, permuted labels."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from microcalc.figures import number_format, palette, style

Floats = npt.NDArray[np.float64]


@style.styled
def draw(
    bootstrap: pd.DataFrame,
    lottery: pd.DataFrame,
    permutation: pd.DataFrame,
    metrics: pd.DataFrame,
    *,
    models: Sequence[str],
) -> Figure:
    """Return three panels of AUCs over replicates; a design without replicates is left out.

    Parameters
    ----------
    bootstrap
        The bootstrap's replicates (`evaluation/parts/bootstrap-K.csv` together): model, set, auc.
    lottery, permutation
        `evaluation/split_lottery_replicates.csv` and `permutation_replicates.csv`.
    metrics
        `evaluation/metrics.csv`, for the study's own AUCs.
    models
        Every model of the study, in the order of its config.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide; a sentence instead of panels where there are no replicates.
    """
    held_out = metrics[metrics["kind"] == "held_out"].set_index(["model", "split"])["auc"]
    found: list[tuple[str, dict[str, Floats], float | None, dict[str, float]]] = []
    if len(bootstrap):
        wide = bootstrap.dropna(subset=["model"]).pivot_table(
            index=["model", "replicate"], columns="set", values="auc"
        )
        gaps = (wide["apparent"] - wide["original"]).dropna()
        found.append(("Optimism of\nthe apparent AUC", _by_model(gaps), 0.0, {}))
    for table, split, title, expected in (
        (lottery, "internal", "AUC, internal validation,\nother splits", None),
        (permutation, "internal", "AUC, internal validation,\npermuted labels", 0.5),
        (permutation, "external", "AUC, external validation,\npermuted labels", 0.5),
    ):
        own = table[(table["set"] == split) & table["auc"].notna()]
        if len(own):
            by_model = _by_model(own.set_index("model")["auc"])
            study = {name: held_out.get((name, split), np.nan) for name in models}
            found.append((title, by_model, expected, study))
    figure = style.new_figure(style.PAGE_MM, 16 + 11 * len(models) + 20)
    if not found:
        return style.message(figure, "No refits were asked for (evaluation.bootstrap and others).")
    panels = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for number, (axes, (title, values, expected, study)) in enumerate(
        zip(panels, found, strict=True)
    ):
        _panel(axes, values, study, models)
        if expected is not None:
            axes.axvline(expected, color=palette.GREY, linewidth=0.7, zorder=1)
        axes.set_xlabel(title, fontsize=7)
        if len(found) > 1:
            style.panel_letter(axes, "ABCD"[number])
    panels[0].set_yticks(range(len(models)), [number_format.label(name) for name in models])
    panels[0].set_ylim(len(models) - 0.4, -0.6)
    return figure


def _by_model(gaps: "pd.Series[float]") -> dict[str, Floats]:
    return {
        str(name): np.array(rows, dtype=np.float64) for name, rows in gaps.groupby(level="model")
    }


def _panel(
    axes: Axes,
    values: Mapping[str, Floats],
    study: Mapping[str, float],
    models: Sequence[str],
) -> None:
    for place, (name, look) in enumerate(style.models(models).items()):
        own = np.sort(values.get(name, np.array([])))
        if not own.size:
            continue
        # points of a beeswarm would depend on the printed size; ranks spread evenly do not
        heights = place + 0.3 * np.sin(np.arange(own.size) * 2.399963)
        axes.scatter(own, heights, s=5, color=look.color, alpha=0.45, linewidths=0)
        quartiles = np.quantile(own, [0.25, 0.5, 0.75])
        axes.plot(quartiles[[0, 2]], [place, place], color=palette.BLACK, linewidth=2, zorder=3)
        axes.plot(
            quartiles[1], place, marker="o", markersize=4.5, color="white", zorder=4,
            markeredgecolor=palette.BLACK,
        )  # fmt: skip
        if np.isfinite(study.get(name, np.nan)):
            axes.plot(
                study[name], place, marker="D", markersize=5, color=look.color, zorder=5,
                markeredgecolor=palette.BLACK, markeredgewidth=0.7,
            )  # fmt: skip
        axes.annotate(
            f"n = {own.size}", xy=(1, place - 0.38), xycoords=("axes fraction", "data"),
            ha="right", va="center", fontsize=7, color=palette.GREY,
        )  # fmt: skip
