"""Mask layers: whether a mask's pixels are labels, one color each, or ink on an empty sheet."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microcalc.core.errors import StudyError
from microcalc.images import decoders
from microcalc.images.components import EIGHT
from microcalc.images.content import MOST_PIXELS
from microcalc.images.file_decoders import PICTURES
from microcalc.images.mammogram import Place

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"\xff\xd8\xff", b"BM")

# Below, the values of a file that loses nothing are labels; above, gray levels too.
_GRAY_FROM = 128
_MOST_LABELS = 32
_FULL, _SOLID = 0.9, 0.05
_MOSTLY_FULL = 0.6
_NO_MASK = (
    "its ROI mask is a picture of many gray levels or colors, such as a mammogram with its region "
    "drawn on it; save the region alone, on an empty background"
)


@dataclass(frozen=True, eq=False)
class Layer:
    """What a mask says of one label.

    Attributes
    ----------
    name
        The label's; its number where the file has no names.
    number
        As text; of a picture in colors the color, such as #ff0000.
    pixels
        Where it is drawn, shape (rows, columns).
    """

    name: str
    number: str
    pixels: NDArray[np.bool_]


def chosen(layers: Sequence[Layer], label: str) -> list[Layer]:
    """Return the layers of that name or number; all that are not empty without a label.

    Parameters
    ----------
    layers
        Of a mask.
    label
        A name, or a number as text; "" for all.

    Returns
    -------
    list of Layer
        At least one; several may share a name.

    Raises
    ------
    StudyError
        When there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import masks
    >>> layers = masks.of_labels(np.array([[0, 1], [2, 2]]), [("mass", 2)])
    >>> [layer.number for layer in masks.chosen(layers, "mass")]
    ['2']
    """
    if not label:
        filled = [layer for layer in layers if layer.pixels.any()]
        if not filled:
            raise StudyError("its ROI mask is empty")
        return filled
    named = [layer for layer in layers if layer.name == label]
    named = named or [layer for layer in layers if layer.number == _as_number(label)]
    if not any(layer.pixels.any() for layer in named):
        offered = ", ".join(sorted({layer.name for layer in layers if layer.pixels.any()}))
        raise StudyError(
            "its ROI mask has no such region as roi_label names",
            detail=f"{label!r}; it has {offered or 'none'}",
        )
    return named


def _as_number(label: str) -> str:
    try:
        return str(int(label))
    except ValueError:
        return label


def refuse_inverted(layer: Layer) -> None:
    """Refuse a mask that holds all four corners of the image.

    Parameters
    ----------
    layer
        With (rows, columns) pixels.

    Raises
    ------
    StudyError
        When it does.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import masks
    >>> masks.refuse_inverted(masks.Layer("1", "1", np.eye(5, dtype=bool)))
    """
    if layer.pixels[np.ix_((0, -1), (0, -1))].all():
        raise StudyError(
            "its ROI mask is inverted: it holds all four corners of the image; exchange region "
            "and background"
        )


def of_labels(values: NDArray[Any], names: Iterable[tuple[str, int]] = ()) -> list[Layer]:
    """Return a layer per value but 0.

    Parameters
    ----------
    values
        Whole numbers, (rows, columns).
    names
        Names of values; several may share one. A value without one is called by its number.

    Returns
    -------
    list of Layer
        By rising value.

    Raises
    ------
    StudyError
        When there are more values than a mask has labels.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import masks
    >>> [layer.name for layer in masks.of_labels(np.array([[0, 1], [2, 2]]), [("mass", 2)])]
    ['1', 'mass']
    """
    known: dict[int, list[str]] = {}
    for name, value in names:
        known.setdefault(value, []).append(name)
    found = [int(value) for value in _values(values) if value != 0]
    if len(found) > _MOST_LABELS:
        raise StudyError(_NO_MASK, detail=f"{len(found)} values")
    return [
        Layer(name, str(value), values == value)
        for value in found
        for name in known.get(value, [str(value)])
    ]


def of_gray(values: NDArray[Any], *, threshold: float, lossy: bool = False) -> list[Layer]:
    """Return the layers of a picture whose values are labels (1, 2, ...) or gray levels.

    Gray levels mean one region when nearly all that is drawn is drawn at full strength: blurred
    edges and the noise of a lossy format are cut at `threshold` of it. Levels that fill areas of
    their own are labels, unless the format loses them.

    Parameters
    ----------
    values
        (rows, columns), whole numbers or fractions between 0 and 1.
    threshold
        Share of full strength from which a pixel is drawn.
    lossy
        Whether the format loses levels, as JPEG does.

    Returns
    -------
    list of Layer
        None where nothing is drawn.

    Raises
    ------
    StudyError
        When it is a picture of something, or has values that are no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import masks
    >>> ink = np.zeros((20, 20), dtype=np.uint8)
    >>> ink[5:15, 5:15], ink[5, 5:15] = 255, 100  # an edge that is blurred
    >>> [int(layer.pixels.sum()) for layer in masks.of_gray(ink, threshold=0.5)]
    [90]
    """
    values = _counted(values, threshold)
    top = int(values.max(initial=0))
    if top == 0 or (top < _GRAY_FROM and not lossy) or values.min() < 0:
        return of_labels(values)
    weak, full = int((values > (1 - _FULL) * top).sum()), int((values >= _FULL * top).sum())
    solid = [] if lossy else _solid_levels(values, top)
    if solid:
        return of_labels(np.where(np.isin(values, [*solid, top]), values, 0))
    if full < _MOSTLY_FULL * weak:
        raise StudyError(_NO_MASK)
    return [Layer(str(top), str(top), _inked(values, top, threshold))]


def _inked(values: NDArray[Any], top: int, threshold: float) -> NDArray[np.bool_]:
    """Return what is drawn at full strength or nearly, and what is drawn faintly apart from it."""
    ink = values >= threshold * top
    numbers, count = ndimage.label(values > (1 - _FULL) * top, structure=EIGHT)
    faint = np.ones(count + 1, dtype=bool)
    faint[numbers[ink]] = False
    faint[0] = False
    return np.asarray(ink | faint[numbers])


def _counted(values: NDArray[Any], threshold: float) -> NDArray[Any]:
    """Return values as whole numbers; fractions between 0 and 1 become 0 or 1."""
    if values.dtype.kind in "bui":
        return values.astype(np.uint8) if values.dtype.kind == "b" else values
    if not np.isfinite(values).all():
        raise StudyError("its ROI mask has values that are no numbers")
    whole: NDArray[Any] = np.rint(values)
    if bool((whole == values).all()):
        return np.asarray(whole, dtype=np.int64)
    if values.min() < 0 or values.max() > 1:
        raise StudyError(_NO_MASK)
    return (values >= threshold).astype(np.int64)


def _values(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values; sorting every pixel would take a second."""
    lowest, highest = int(values.min(initial=0)), int(values.max(initial=0))
    if highest - lowest < 2**16:
        return np.flatnonzero(np.bincount(values.ravel().astype(np.intp) - lowest)) + lowest
    return np.unique(values)


def _solid_levels(values: NDArray[Any], top: int) -> list[int]:
    """Return the levels below the top that fill areas of more than an edge's width."""
    drawn = int((values > 0).sum())
    counts = np.bincount(values.ravel()) if top < 2**16 else np.zeros(0, dtype=np.intp)
    frequent = np.flatnonzero(counts >= _SOLID * drawn)
    below = [int(level) for level in frequent if 0 < level < (1 - _SOLID) * top]
    return [level for level in below if ndimage.binary_erosion(values == level, EIGHT).any()]


def of_picture(data: bytes, page: int | None, *, threshold: float) -> list[Layer]:
    """Return the layers of a PNG, TIFF, JPEG or BMP file.

    Gray, 1-bit, palette and color pictures are read. Of a palette's entries each is a label by
    its number, of colors each by its name, `#ff0000`; transparent is empty.

    Parameters
    ----------
    data
        The file.
    page
        Which of its pictures, counting from 1; None where there is one.
    threshold
        As for `of_gray`.

    Returns
    -------
    list of Layer
        None where nothing is drawn.

    Raises
    ------
    StudyError
        When it is a picture of something, claims more pixels than a mammogram has, or cannot be
        decoded.
    EOFError
        When it has no such page. Other exceptions mean a damaged file; `content_errors` tells of
        all of them.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from microcalc.images import masks
    >>> sheet, file = np.zeros((20, 20, 3), dtype=np.uint8), io.BytesIO()
    >>> sheet[5:10, 5:10] = [255, 0, 0]
    >>> sheet[12:14, 12:14] = [0, 0, 255]
    >>> Image.fromarray(sheet).save(file, "PNG")
    >>> [layer.name for layer in masks.of_picture(file.getvalue(), None, threshold=0.5)]
    ['#0000ff', '#ff0000']
    """
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=PICTURES) as image:
        if image.size[0] * image.size[1] > MOST_PIXELS:
            raise StudyError("its ROI mask claims more pixels than a mammogram has")
        if page is not None:
            image.seek(page - 1)
        mode, transparent = image.mode, "transparency" in image.info
        lossy = image.format == "JPEG" or data.startswith(b"\xff\xd8")
        size = image.size[0] * image.size[1]

    def decoded(mode: str) -> NDArray[Any]:
        return decoders.decode_file(data, "picture", pixels=size, page=page or 1, mode=mode)

    if mode == "P":
        entries = decoded(mode)
        if _has_labels(entries, decoded("RGB")):
            return of_labels(entries)
    if mode in {"P", "CMYK", "YCbCr", "PA"}:
        mode = "RGBA" if transparent else "RGB"
    return of_colors(decoded(mode), threshold=threshold, lossy=lossy)


def pages(data: bytes) -> int:
    """Return how many pictures a file holds.

    Parameters
    ----------
    data
        A PNG, TIFF, JPEG or BMP file.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import masks
    >>> file, page = io.BytesIO(), Image.new("L", (4, 4))
    >>> page.save(file, "TIFF", save_all=True, append_images=[page])
    >>> masks.pages(file.getvalue())
    2
    """
    from PIL import Image

    return int(getattr(Image.open(io.BytesIO(data), formats=PICTURES), "n_frames", 1))


def of_colors(values: NDArray[Any], *, threshold: float, lossy: bool = False) -> list[Layer]:
    """Return the layers of a decoded picture.

    Parameters
    ----------
    values
        (rows, columns), or with 1 to 4 channels behind them: gray, gray and alpha, RGB, RGBA.
    threshold, lossy
        As for `of_gray`.

    Returns
    -------
    list of Layer
        As of `of_picture`.

    Raises
    ------
    StudyError
        When it is a picture of something.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import masks
    >>> values = np.zeros((20, 20, 4), dtype=np.uint8)
    >>> values[5:10, 5:10] = [0, 0, 0, 255]  # black on nothing
    >>> [int(layer.pixels.sum()) for layer in masks.of_colors(values, threshold=0.5)]
    [25]
    """
    if values.ndim == 2:
        return of_gray(values, threshold=threshold, lossy=lossy)
    colors, opaque = values, np.ones(values.shape[:2], dtype=bool)
    if values.shape[2] in {2, 4}:
        colors, alpha = values[:, :, :-1], values[:, :, -1]
        see_through = bool(alpha.min() < alpha.max())
        opaque = alpha >= threshold * max(int(alpha.max()), 1)
        if see_through and not (colors[opaque] != 0).any():
            # Black on nothing.
            return [Layer("1", "1", opaque)] if opaque.any() else []
        colors = np.where(opaque[:, :, None], colors, 0)
    if (colors == colors[:, :, :1]).all():
        return of_gray(colors[:, :, 0], threshold=threshold, lossy=lossy)
    return _of_hues(colors, lossy=lossy)


def _of_hues(colors: NDArray[Any], *, lossy: bool) -> list[Layer]:
    packed = (colors.astype(np.int64) * (1 << 16, 1 << 8, 1)).sum(axis=2)
    found = np.unique(packed)
    found = found[found != 0]
    if lossy or colors.dtype.itemsize > 1 or found.size > _MOST_LABELS:
        raise StudyError(_NO_MASK, detail=f"{found.size} colors")
    return [Layer(f"#{int(v):06x}", f"#{int(v):06x}", packed == v) for v in found]


def _has_labels(entries: NDArray[Any], colors: NDArray[Any]) -> bool:
    """Say whether a palette's entries are labels, and not the gray levels of `colors`."""
    palette = np.zeros((2**8, 3), dtype=colors.dtype)
    palette[entries.ravel()] = colors.reshape(-1, 3)
    used = [int(entry) for entry in _values(entries)]
    shown = palette[used]
    if (shown != shown[:, :1]).any():
        return True
    levels = shown[:, 0].tolist()
    # A palette that begins with white, as a converted picture's may, calls the region 0.
    return bool(levels != used and levels[0] == min(levels) and used[0] == 0)


def slice_of(slices: int, place: Place, first: int = 0, *, cropped: bool = False) -> int:
    """Return which slice of a mask belongs to the image's frame, counting from 0.

    Parameters
    ----------
    slices
        How many the mask has. A single one belongs to the image, whichever frame that is.
    place
        Which of how many frames the image is.
    first, cropped
        The image's frame, counting from 0, at which a cropped mask begins.

    Returns
    -------
    int
        From 0 to slices - 1.

    Raises
    ------
    StudyError
        When the mask has another number of slices, or none for this frame.

    Examples
    --------
    >>> from microcalc.images import masks
    >>> from microcalc.images.mammogram import Place
    >>> masks.slice_of(50, Place(frame=12, frames=50)), masks.slice_of(1, Place())
    (11, 0)
    """
    if cropped and place.frames > 1:
        if not first <= place.frame - 1 < first + slices:
            refuse_frame(place.frame, set(range(first + 1, first + slices + 1)))
        return place.frame - 1 - first
    if slices == 1:
        return 0
    if slices != place.frames:
        raise StudyError(
            "its ROI mask has another number of slices than the image has frames; a mammogram's "
            "has one, a tomosynthesis object's as many as the object",
            detail=f"{slices} slices, {place.frames} {'frame' if place.frames == 1 else 'frames'}",
        )
    return place.frame - 1


def refuse_frame(frame: int, drawn: set[int]) -> None:
    """Refuse a file that draws nothing on the image's frame.

    Parameters
    ----------
    frame
        The image's, counting from 1.
    drawn
        Those on which the file draws.

    Raises
    ------
    StudyError
        Always; it names them.

    Examples
    --------
    >>> from microcalc.images import masks
    >>> masks.refuse_frame(3, {12, 13})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    microcalc.core.errors.StudyError: its ROI file draws nothing on this frame (frame 3; ...)
    """
    listed = ", ".join(map(str, sorted(drawn)[:10]))
    raise StudyError(
        "its ROI file draws nothing on this frame",
        detail=f"frame {frame}; it draws on {listed}{', ...' if len(drawn) > 10 else ''}",
    )
