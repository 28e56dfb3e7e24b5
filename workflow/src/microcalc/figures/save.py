"""Saving a figure: three formats, the same bytes every time."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from microcalc.core.files import atomic_path
from microcalc.core.gc_tuning import nothing_collected
from microcalc.figures import style

# None leaves the entry out: dates and program versions would change the file, not the picture
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
}
# 17 % larger than zlib's default level, in 0.4 of its time
_OPTIONS: dict[str, dict[str, Any]] = {".png": {"pil_kwargs": {"compress_level": 2}}}


def save(figure: Figure, *paths: str | os.PathLike[str]) -> None:
    """Write a figure in several formats, the same bytes every time.

    The figure keeps its size in millimeters: nothing is cropped to its ink.

    Parameters
    ----------
    figure
        Laid out once, for all formats.
    *paths
        Files; the suffix chooses PNG (300 dpi), PDF or SVG.

    Raises
    ------
    ValueError
        For another suffix.
    """
    for path in paths:
        suffix = Path(path).suffix
        if suffix not in _METADATA:
            raise ValueError(f"figures are saved as .png, .pdf or .svg, not {suffix!r}")
        # what a figure is made of stays until it is saved
        with style.applied(), nothing_collected(), atomic_path(path) as temporary:
            _settle(figure)
            figure.savefig(
                temporary, format=suffix[1:], metadata=_METADATA[suffix], **_OPTIONS.get(suffix, {})
            )


def _settle(figure: Figure) -> None:
    """Lay the figure out once, for all formats.

    The solver behind the layout leaves the last digits of the axes' places to chance, and
    matplotlib hashes them all into the ids of an SVG: six digits are kept.
    """
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.execute(figure)
        # the first round moves what the second fits: ticks, and axes of a fixed aspect
        engine.execute(figure)
        figure.set_layout_engine(None)  # or every format is laid out, and drawn, once more
        for axes in figure.axes:
            axes.set_position(tuple(round(edge, 6) for edge in axes.get_position(True).bounds))


def save_each(
    figures: Mapping[str, Figure], files: Mapping[str, Iterable[str | os.PathLike[str]]]
) -> None:
    """Write every figure to its files.

    Parameters
    ----------
    figures
        By name.
    files
        Under each name the paths of that figure.

    Raises
    ------
    ValueError
        When a figure has no files, files have no figure, or a suffix is none of those of `save`.
    """
    if figures.keys() != files.keys():
        raise ValueError(f"figures {sorted(figures)} but files for {sorted(files)}")
    for name, figure in figures.items():
        save(figure, *files[name])
