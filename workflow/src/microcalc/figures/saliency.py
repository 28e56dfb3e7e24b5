"""Patch, map and overlay of the cases that the deep model was surest of."""

import os
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from microcalc.figures import style, words
from microcalc.files import named_when_damaged

Arrays = Mapping[str, npt.NDArray[Any]]

ROW_MM, TEXT_MM, TOP_MM, BAR_MM = 24.0, 30.0, 8.0, 12.0
LETTERS, DIGITS, LABEL_LETTERS_PER_MM, LABEL_LINE_MM = 20, 17, 0.55, 3.5
COLORS = "RdBu_r"
MOST_COVER = 0.7
"""How much of the patch the strongest evidence hides in the overlay."""


def read(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of ``evaluation/saliency.npz``."""
    with named_when_damaged(path):
        if not zipfile.is_zipfile(path):  # of other content numpy speaks as of a pickle
            raise zipfile.BadZipFile("it is no archive of arrays")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


@style.styled
def draw(arrays: Arrays, *, labels: Mapping[str, str]) -> Figure:
    """Return a row of pictures per case: patch, map and overlay of its first two views.

    All maps share one scale, in log odds per square of the map, so that a pale map is a map of
    little evidence.

    Parameters
    ----------
    arrays
        What `read` returned.
    labels
        The names of the classes: negative and positive.
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
    views = max(map(len, rows))
    width = TEXT_MM + 3 * views * ROW_MM
    label = words.wrapped(
        f"Evidence for {labels['negative']} (−) or {labels['positive']} (+), log odds",
        int(width * LABEL_LETTERS_PER_MM),
    )
    bar_mm = BAR_MM + label.count("\n") * LABEL_LINE_MM
    figure = style.new_figure(width, TOP_MM + len(rows) * ROW_MM + bar_mm)
    columns = 1 + 3 * views
    places = figure.add_gridspec(
        len(rows) + 1,
        columns,
        width_ratios=[1.2] + [1] * (columns - 1),
        height_ratios=[ROW_MM] * len(rows) + [BAR_MM / 4],
    )
    grid = [
        [figure.add_subplot(places[row, column]) for column in range(columns)]
        for row in range(len(rows))
    ]
    strongest = float(np.abs(arrays["map"]).max())
    for line, images in zip(grid, rows, strict=True):
        _describe(line[0], arrays, images[0], labels)
        for axes in line[1:]:
            axes.set_axis_off()
        for view, i in enumerate(images):
            shown = _pictures(line[1 + 3 * view : 4 + 3 * view], arrays, i, strongest)
    for column, title in enumerate(("Patch", "Map", "Overlay") * views):
        grid[0][1 + column].set_title(title, fontweight="normal", loc="center")
    # a bar that is given its parents is measured once for each of them
    bar = figure.colorbar(shown, cax=figure.add_subplot(places[-1, :]), orientation="horizontal")
    bar.set_label(label)
    bar.outline.set_visible(False)
    return figure


def _describe(axes: Axes, arrays: Arrays, i: int, labels: Mapping[str, str]) -> None:
    # not "p": in a paper that is a P value
    probability = f"probability {words.probability(float(arrays['probability'][i]))}"
    if arrays["y"][i] in (0, 1):
        truth = labels["positive"] if arrays["y"][i] else labels["negative"]
        where = f"{arrays['split'][i]} validation"
        verdict = textwrap.fill(f"{arrays['kind'][i]}: {truth}", LETTERS)
        text = f"{where}\n{verdict}\n{probability}"
    else:
        case = textwrap.fill(f"case {arrays['case_id'][i]}", DIGITS)
        text = f"{case}\n{probability}"
    axes.set_axis_off()
    told = axes.text(0, 0.5, text, transform=axes.transAxes, va="center", ha="left", fontsize=7)
    # a letter too wide for its column would cost the pictures their own
    told.set_in_layout(False)


def _pictures(line: Sequence[Axes], arrays: Arrays, i: int, strongest: float) -> Any:
    """Draw one view's three pictures; return what a color bar explains."""
    picture, values = arrays["picture"][i], arrays["map"][i]
    size = len(picture)
    extent = (0.0, float(size), float(size), 0.0)
    scale: dict[str, Any] = {"cmap": COLORS, "vmin": -strongest, "vmax": strongest}
    # not resampled: a file of vectors holds the patch's own pixels
    whole: dict[str, Any] = {"interpolation": "none", "extent": extent}
    line[0].imshow(picture, cmap="gray", vmin=0, vmax=255, **whole)
    view = str(arrays["view"][i])
    line[0].text(
        4,
        6,
        view,
        color="white",
        fontsize=7,
        va="top",
        bbox={"facecolor": "black", "lw": 0, "pad": 1},
    )
    shown = line[1].imshow(values, interpolation="nearest", extent=extent, **scale)
    line[2].imshow(_overlay(picture, values, strongest), **whole)
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
