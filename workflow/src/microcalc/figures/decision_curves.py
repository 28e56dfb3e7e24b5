"""Decision curves: the net benefit of acting on the models."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from microcalc.config.cohort_settings import Labels
from microcalc.figures import number_format, palette, style
from microcalc.figures.roc import kind_shown

LOWEST = -0.05
STRATEGIES = {"treat_all": ("all", palette.GREY), "treat_none": ("none", palette.BLACK)}


@style.styled
def draw(net_benefit: pd.DataFrame, *, models: Sequence[str], labels: Labels) -> Figure:
    """Return one panel per set: net benefit of every model, of treating all and of none.

    Parameters
    ----------
    net_benefit
        `evaluation/net_benefit.csv`. Training is judged out of fold.
    models
        Every model of the study, in the order of its config.
    labels
        Names of the classes.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide.
    """
    splits = [split for split in number_format.SPLITS if split in set(net_benefit["split"])]
    named = [
        *(f"Treat {text}" for text, _ in STRATEGIES.values()),
        *map(number_format.label, models),
    ]
    rows = -(-len(named) // style.legend_columns(named))
    figure = style.new_figure(style.PAGE_MM, 71 + 4 * rows)
    panels = figure.subplots(1, max(len(splits), 1), squeeze=False, sharex=True, sharey=True)[0]
    looks = style.models(models)
    for axes, split in zip(panels, splits, strict=False):
        own = net_benefit[
            (net_benefit["split"] == split) & (net_benefit["kind"] == kind_shown(split))
        ]
        of_both = own[(own["n_pos"] > 0) & (own["n_pos"] < own["n"])]
        _curves(axes, of_both, looks)
        sizes = ""
        if len(own):
            n, n_positive = int(own["n"].iloc[0]), int(own["n_pos"].iloc[0])
            counts = number_format.counts_in_lines(n - n_positive, n_positive, labels, 36)
            sizes = f"\n{counts}"
        if of_both.empty:
            axes.text(0.5, 0.5, "One class only", transform=axes.transAxes, ha="center", fontsize=7)
        what = number_format.split_label(split) + (", out of fold" if split == "train" else "")
        axes.set_title(what + sizes, fontsize=7.5, fontweight="normal", loc="center")
        axes.set_xlabel("Threshold probability")
    shown = net_benefit[net_benefit["n_pos"] < net_benefit["n"]]
    top = float(shown["net_benefit"].max()) if len(shown) else 1.0
    panels[0].set(xlim=(0, 1), ylim=(LOWEST, max(1.12 * top, 0.1)), ylabel="Net benefit")
    handles, names = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower center", ncols=style.legend_columns(names))
    return figure


def _curves(axes: Axes, own: pd.DataFrame, looks: Mapping[str, style.ModelLook]) -> None:
    for name, (text, color) in STRATEGIES.items():
        rows = own[own["model"] == name]
        axes.plot(
            rows["threshold"], rows["net_benefit"], color=color, linewidth=0.9,
            label=f"Treat {text}",
        )  # fmt: skip
    for name, look in looks.items():
        rows = own[own["model"] == name]
        axes.plot(
            rows["threshold"],
            rows["net_benefit"],
            color=look.color,
            linestyle=look.line,
            zorder=look.zorder,
            label=number_format.label(name),
        )
