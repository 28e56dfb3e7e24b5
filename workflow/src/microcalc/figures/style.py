"""One look for every figure: journal column widths, 7 to 9 point type, one color per model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from microcalc.figures import palette

COLUMN_MM = 85.0
PAGE_MM = 175.0
TALLEST_MM = 235.0
"""What a printed page has room for above a short caption."""

RC: dict[str, object] = {
    "font.family": "sans-serif",
    # shipped with matplotlib, so that every machine draws the same letters
    "font.sans-serif": ["DejaVu Sans"],
    # a level "$5 to $10" is no formula
    "text.parse_math": False,
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.3,
    "patch.linewidth": 0.6,
    "errorbar.capsize": 0,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "savefig.bbox": "standard",
    "pdf.fonttype": 42,
    "pdf.compression": 2,  # files 2 % larger than at the default, 6
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "microcalc",
    "path.simplify": False,
    # pictures side by side are not melted into one of the screen's pixels
    "image.composite_image": False,
}


ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""The box of a text that may come to stand on what is drawn."""


@dataclass(frozen=True)
class ModelLook:
    """How one model is drawn, in every figure.

    Attributes
    ----------
    color, line, marker
        As matplotlib takes them.
    """

    color: str
    line: str | tuple[int, tuple[float, ...]]
    marker: str

    @property
    def zorder(self) -> float:
        """Where a curve lies: solid ones under broken ones, so that of two alike both are seen."""
        return 2.8 if self.line == "solid" else 3.0


_KNOWN = {
    "clinical": ModelLook(palette.BLUE, (0, (4, 1.5)), "s"),
    "deep": ModelLook(palette.VERMILLION, (0, (5, 1.2, 1, 1.2)), "^"),
    "combined": ModelLook(palette.GREEN, "solid", "o"),
}
_FURTHER = (
    ModelLook(palette.ORANGE, (0, (1, 1)), "D"),
    ModelLook(palette.BLACK, (0, (3, 1, 1, 1, 1, 1)), "v"),
    ModelLook(palette.SKY, (0, (6, 2)), "P"),
    ModelLook(palette.PURPLE, (0, (2, 1)), "X"),
    ModelLook(palette.GREY, "solid", "*"),
)


def models(names: Sequence[str]) -> dict[str, ModelLook]:
    """Return the look of each model.

    Parameters
    ----------
    names
        Every model of the study, in the order of its config. Clinical, deep and combined
        keep their own look in every study; the others take theirs by their place in `names`,
        so always pass the whole list, also to a figure that draws only some of them.

    Returns
    -------
    dict
        By name, in the order of `names`; from the sixth model on that is none of the three, looks
        repeat.
    """
    others = [name for name in names if name not in _KNOWN]
    look = {name: _FURTHER[i % len(_FURTHER)] for i, name in enumerate(others)}
    return {name: _KNOWN.get(name) or look[name] for name in names}


@contextmanager
def applied() -> Iterator[None]:
    """Draw and save inside this block: the house style, whatever matplotlibrc the user has.

    Yields
    ------
    None
        To the block; afterwards matplotlib's settings are as before, the fonts it knows are not.
    """
    _know_shipped_fonts_alone()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type]
        yield


@cache
def _know_shipped_fonts_alone() -> None:
    """Forget the machine's fonts, once: among them are other editions of DejaVu Sans."""
    manager = font_manager.fontManager
    manager.ttflist = []
    for path in sorted(Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")):
        manager.addfont(path)


P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a drawing function run in the house style.

    Parameters
    ----------
    draw
        Any function that draws.

    Returns
    -------
    callable
        With the same parameters and result.
    """

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with applied():
            return draw(*args, **kwargs)

    return inside


def new_figure(
    width_mm: float, height_mm: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Return an empty figure of some printed size.

    Parameters
    ----------
    width_mm, height_mm
        In mm; `COLUMN_MM` or `PAGE_MM` wide, as journals print.
    layout
        Constrained, it keeps every label inside.

    Returns
    -------
    matplotlib.figure.Figure
        Without axes.
    """
    return Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout=layout)


def panel_letter(axes: Axes, letter: str) -> None:
    """Set the letter of a panel outside its upper left corner, as captions refer to it.

    Parameters
    ----------
    axes
        The panel.
    letter
        "A", "B", ...
    """
    axes.annotate(
        letter,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(-22, 4),
        textcoords="offset points",
        fontsize=9,
        fontweight="bold",
        va="bottom",
        annotation_clip=False,
    )


def legend_columns(names: Sequence[str]) -> int:
    """Return how many columns a legend takes below a page-wide figure.

    Parameters
    ----------
    names
        Its entries.

    Returns
    -------
    int
        At least 1; all in one line where there is room.
    """
    if sum(1.15 * len(name) + 12.0 for name in names) <= PAGE_MM - 8:
        return max(1, len(names))
    widest = 1.2 * max((len(name) for name in names), default=1) + 14.5
    return max(1, min(len(names), int((PAGE_MM - 8) / widest)))


def message(figure: Figure, text: str) -> Figure:
    """Return a figure with nothing but a sentence on it, for a study that has nothing to draw.

    Parameters
    ----------
    figure
        Empty.
    text
        The sentence.

    Returns
    -------
    matplotlib.figure.Figure
        `figure`.
    """
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True, transform=axes.transAxes)
    return figure
