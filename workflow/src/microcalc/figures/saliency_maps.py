"""Class activation maps: patch, map and overlay of the cases the model was surest of."""

import os
import textwrap
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from microcalc.config.cohort_settings import Labels
from microcalc.core.files import named_when_damaged
from microcalc.figures import number_format, style

Arrays = Mapping[str, npt.NDArray[Any]]

CELL_MM, PICTURE_MM, TEXT_MM, TOP_MM, EDGE_MM = 24.0, 22.0, 30.0, 6.0, 2.0
BAR_MM, BAR_EDGE_MM, LABEL_MM, LABEL_LINE_MM = 2.5, 6.0, 10.0, 3.5
LETTERS, DIGITS, LABEL_LETTERS_PER_MM = 20, 17, 0.55
COLORS = "RdBu_r"
MOST_COVER = 0.7
"""How much of the patch the strongest evidence hides in the overlay."""


def read(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of `evaluation/saliency.npz`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        By name, one entry per image each.

    Raises
    ------
    StudyError
        When the file is damaged.
    """
    with named_when_damaged(path):
        if not zipfile.is_zipfile(path):  # of other content numpy speaks as of a pickle
            raise zipfile.BadZipFile("it is no archive of arrays")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


@style.styled
def draw(arrays: Arrays, *, labels: Labels) -> Figure:
    """Return a row of pictures per case: patch, map and overlay of its first two views.

    All maps share one scale, in log odds per square of the map, so that a pale map is a map of
    little evidence.

    Parameters
    ----------
    arrays
        What `read` returned.
    labels
        The names of the classes: negative and positive.

    Returns
    -------
    matplotlib.figure.Figure
        102 mm wide where every case has one view, else 174 mm; a sentence, 85 mm wide, where there
        is nothing to map.
    """
    cases = list(dict.fromkeys(zip(arrays["split"], arrays["case_id"], strict=True)))
    if not cases:
        return style.message(
            style.new_figure(style.COLUMN_MM, 20), "No validation case has a prediction to map."
        )
    if not np.any(arrays["map"]):
        return style.message(
            style.new_figure(style.COLUMN_MM, 20),
            "The score is the same for every case: no place in an image moves it.",
        )
    rows = [
        np.flatnonzero((arrays["split"] == split) & (arrays["case_id"] == case_id))[:2]
        for split, case_id in cases
    ]
    columns = 3 * max(map(len, rows))
    width = TEXT_MM + columns * CELL_MM
    label = number_format.wrapped(
        f"Evidence for {labels.negative} (−) or {labels.positive} (+), log odds",
        int(width * LABEL_LETTERS_PER_MM),
    )
    below = TOP_MM + len(rows) * CELL_MM
    height = below + BAR_MM + LABEL_MM + label.count("\n") * LABEL_LINE_MM
    figure = style.new_figure(width, height, layout=None)
    # One surface in millimeters: axes for each picture would take longer to lay out than to draw.
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    strongest = float(np.abs(arrays["map"]).max())
    for line, images in enumerate(rows):
        top = TOP_MM + line * CELL_MM
        _describe(page, top + PICTURE_MM / 2, arrays, images[0], labels)
        for view, i in enumerate(images):
            left = TEXT_MM + 3 * view * CELL_MM
            shown = _pictures(page, left, top, arrays, i, strongest)
    for column in range(columns):
        middle = TEXT_MM + column * CELL_MM + PICTURE_MM / 2
        title = ("Patch", "Map", "Overlay")[column % 3]
        page.text(middle, TOP_MM - 1.5, title, ha="center", va="baseline")
    page.set(xlim=(0, width), ylim=(height, 0))
    aside = BAR_EDGE_MM / width
    place = (aside, 1 - (below + BAR_MM) / height, 1 - 2 * aside, BAR_MM / height)
    bar = figure.colorbar(shown, cax=figure.add_axes(place), orientation="horizontal")
    bar.set_label(label)
    bar.outline.set_visible(False)
    return figure


def _describe(page: Axes, middle: float, arrays: Arrays, i: int, labels: Labels) -> None:
    # not "p": in a paper that is a P value
    probability = f"probability {number_format.probability(float(arrays['probability'][i]))}"
    if arrays["y"][i] in (0, 1):
        truth = labels.positive if arrays["y"][i] else labels.negative
        where = f"{arrays['split'][i]} validation"
        verdict = textwrap.fill(f"{arrays['kind'][i]}: {truth}", LETTERS)
        text = f"{where}\n{verdict}\n{probability}"
    else:
        case = textwrap.fill(f"case {arrays['case_id'][i]}", DIGITS)
        text = f"{case}\n{probability}"
    page.text(EDGE_MM, middle, text, va="center", ha="left", fontsize=7)


def _pictures(page: Axes, left: float, top: float, arrays: Arrays, i: int, strongest: float) -> Any:
    """Draw one view's three pictures; return what a color bar explains."""
    picture, values = arrays["picture"][i], arrays["map"][i]

    def show(image: npt.NDArray[Any], column: int, **how: Any) -> Any:
        x = left + column * CELL_MM
        extent = (x, x + PICTURE_MM, top + PICTURE_MM, top)
        # not resampled: a file of vectors holds the patch's own pixels
        return page.imshow(image, extent=extent, aspect="auto", interpolation="none", **how)

    show(picture, 0, cmap="gray", vmin=0, vmax=255)
    shown = show(values, 1, cmap=COLORS, vmin=-strongest, vmax=strongest)
    show(_overlay(picture, values, strongest), 2)
    page.text(
        left + 0.4,
        top + 0.5,
        str(arrays["view"][i]),
        color="white",
        fontsize=7,
        va="top",
        bbox={"facecolor": "black", "lw": 0, "pad": 1},
    )
    return shown


def _overlay(
    picture: npt.NDArray[np.uint8], values: npt.NDArray[np.float32], strongest: float
) -> npt.NDArray[np.uint8]:
    """Return the patch under the colors of its map, shape (S, S, 3)."""
    smooth = Image.fromarray(values.astype(np.float32))
    evidence = np.asarray(smooth.resize(picture.shape[::-1], Image.Resampling.BILINEAR))
    colors = 255 * colormaps[COLORS](0.5 + evidence / (2 * strongest))[..., :3]
    # where there is no evidence the patch is seen as it is, not through a white veil
    cover = MOST_COVER * np.sqrt(np.abs(evidence[..., None]) / strongest)
    mixed = cover * colors + (1 - cover) * picture[..., None]
    return np.asarray(np.round(mixed), dtype=np.uint8)
