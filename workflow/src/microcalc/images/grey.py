"""Grey-level transforms in DICOM's order, from stored pixel cells to displayed grey levels."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_windowing

from microcalc.core.errors import StudyError
from microcalc.images import words
from microcalc.images.mammogram import Grey

FOR_PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.2.1"
_ELEMENTS = (
    "SOPClassUID", "PresentationIntentType", "PhotometricInterpretation", "PresentationLUTShape",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept",
    "VOILUTSequence", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation",
    "VOILUTFunction", "PixelIntensityRelationship", "PixelIntensityRelationshipSign",
)  # fmt: skip


@dataclass(frozen=True)
class _Cells:
    """The values that stored pixels can take, and where in a cell they stand."""

    values: NDArray[np.int64]
    of_cell: NDArray[np.intp]


class Shown:
    """Grey levels of a dataset: how bright each possible stored cell of it is to be shown.

    The order is that of PS3.4 N.2: bits stored, modality LUT or rescale, VOI LUT or window,
    presentation LUT shape or photometric interpretation. FOR PROCESSING images, which are not
    made to be looked at, are instead turned into -log(exposure), so that tissue is bright.

    Parameters
    ----------
    dataset
        A dataset with an Image Pixel module of 8 or 16 bits allocated.
    encapsulated
        Whether the pixel data are compressed: decoders leave the value in the low bits then.
    voi, for_processing
        As in `microcalc.config.image_settings.PatchSettings`.
    """

    def __init__(
        self, dataset: Dataset, *, encapsulated: bool, voi: int | str | None, for_processing: str
    ) -> None:
        # These elements alone, so that no image takes its patient's name along; and copies, since
        # BitsStored may be corrected here and what is reported is the file's own.
        self._dataset = Dataset()
        self._dataset.set_original_encoding(*dataset.original_encoding)
        for keyword in _ELEMENTS:
            if keyword in dataset:
                self._dataset[keyword] = copy.copy(dataset[keyword])
        self._encapsulated = encapsulated
        self._voi = voi
        self._for_processing = for_processing

    def grey(self) -> Grey:
        """Return the brightness of every cell.

        Returns
        -------
        Grey
            By the chosen VOI, or the next one that can be used.

        Raises
        ------
        StudyError
            When the file contradicts itself, has no VOI as is asked for, or holds a FOR PROCESSING
            image that is to be refused. The message leaves naming the image to the caller.
        """
        return self._transformed(self._voi)

    def others(self) -> tuple[Callable[[], Grey], ...]:
        """Return how to show it by the VOIs after the chosen one, those before it, and by none.

        Returns
        -------
        tuple of callable
            Each returns a `Grey`; empty where the file has no VOI, or is to be shown without.

        Raises
        ------
        StudyError
            When the file has VOIs and none as is asked for.
        """
        choices = _voi_choices(self._dataset, [])
        if not choices or self._voi == "none" or is_for_processing(self._dataset):
            return ()
        first = _chosen(choices, self._voi)
        rest: list[int | str] = [(first + i) % len(choices) for i in range(1, len(choices))]
        return tuple(partial(self._transformed, voi) for voi in [*rest, "none"])

    def corrected(
        self,
        stored: NDArray[np.uint8] | NDArray[np.uint16],
        stream_bits: int | None,
        flags: list[str],
    ) -> bool:
        """Return whether BitsStored had to be corrected: the pixels have other bits than it says.

        Of compressed pixels the stream tells how many. Of others nothing does: bits above the
        stored ones may be an overlay, so that they stay masked, and are flagged.

        Parameters
        ----------
        stored
            (rows, columns) pixel cells.
        stream_bits
            Bits per sample that a compressed stream states, None without.
        flags
            Where what is odd is added.

        Returns
        -------
        bool
            If so, `grey` and `others` give something else from now on.
        """
        ds = self._dataset
        bits, signed = int(ds.BitsStored), ds.get("PixelRepresentation", 0) == 1
        high = bits if self._encapsulated else int(ds.get("HighBit", bits - 1)) + 1
        over = _reach_above(stored, high, signed=signed)
        # Where a stream has fewer bits than are stored, the sign is the highest of them.
        wrong = stream_bits is not None and (
            (over and stream_bits > bits) or (signed and stream_bits < bits)
        )
        if over:
            flags.append("pixels_above_bits_stored")
        elif wrong:
            flags.append("bits_stored_contradiction")
        if wrong and stream_bits is not None:
            ds.BitsStored, ds.HighBit = stream_bits, stream_bits - 1
        return wrong

    def _transformed(self, voi: int | str | None) -> Grey:
        dataset = self._dataset
        cells = _cells(dataset, encapsulated=self._encapsulated)
        padding = _padding(dataset, cells)
        flags: list[str] = []
        values = _modality(dataset, cells.values, flags)
        if is_for_processing(dataset):
            if self._for_processing == "refuse":
                raise StudyError(
                    "is a FOR PROCESSING image and images.for_processing is 'refuse'; "
                    "use the FOR PRESENTATION image, or set it to 'convert'"
                )
            values, inverted, name = *_from_exposure(dataset, values), "none"
            flags.append("for_processing_converted")
        else:
            values, name = _apply_voi(dataset, values, voi, flags)
            inverted = _is_inverted(dataset, flags)
            if inverted:
                values = values.max() + values.min() - values
        curve = np.take(values.astype(np.float32), cells.of_cell)
        unseen = np.take(padding, cells.of_cell)
        return Grey(curve, unseen, voi=name, inverted=inverted, flags=tuple(flags))


def is_for_processing(dataset: Dataset) -> bool:
    """Return whether the image is FOR PROCESSING: raw detector data, not made to be looked at.

    Parameters
    ----------
    dataset
        The image.

    Returns
    -------
    bool
        As PresentationIntentType says, without it the SOP class.

    References
    ----------
    DICOM PS3.3 C.8.11.1 (DX series: Presentation Intent Type).

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import grey
    >>> dataset = Dataset()
    >>> dataset.PresentationIntentType = "FOR PROCESSING"
    >>> grey.is_for_processing(dataset), grey.is_for_processing(Dataset())
    (True, False)
    """
    intent = str(dataset.get("PresentationIntentType", "")).upper()
    if intent:
        return intent == "FOR PROCESSING"
    return str(dataset.get("SOPClassUID", "")) == FOR_PROCESSING_CLASS


def _reach_above(
    stored: NDArray[np.uint8] | NDArray[np.uint16], bits: int, *, signed: bool
) -> bool:
    """Say whether a cell has more than the low `bits`, a sign carried upward apart."""
    if bits >= 8 * stored.dtype.itemsize or stored.max() < 2**bits:
        return False
    if not signed:
        return True
    values = stored.view(np.int8 if stored.dtype.itemsize == 1 else np.int16)
    half = 2 ** (bits - 1)
    return bool(values.min() < -half or values.max() >= half)


def _cells(dataset: Dataset, *, encapsulated: bool) -> _Cells:
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high = int(dataset.get("HighBit", stored - 1))
    if not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        raise StudyError(
            "has bits that do not fit together",
            detail=f"BitsAllocated {allocated}, BitsStored {stored}, HighBit {high}",
        )
    shift = 0 if encapsulated else high + 1 - stored
    return _cells_of(allocated, stored, shift, signed=dataset.get("PixelRepresentation", 0) == 1)


# The images of a study have them in common.
@lru_cache(maxsize=8)
def _cells_of(allocated: int, stored: int, shift: int, *, signed: bool) -> _Cells:
    # Bits above the stored ones may hold an overlay, or the sign extended by a decoder.
    codes = (np.arange(2**allocated) >> shift) & (2**stored - 1)
    values = np.arange(2**stored, dtype=np.int64)
    if signed:
        half = 2 ** (stored - 1)
        values = (values + half) % (2 * half) - half
        # In order of value, so that tables below see a rising ramp.
        values, codes = np.sort(values), (codes + half) % (2 * half)
    for kept in (values, codes):
        kept.flags.writeable = False
    return _Cells(values, codes)


def _padding(dataset: Dataset, cells: _Cells) -> NDArray[np.bool_]:
    first = dataset.get("PixelPaddingValue")
    if not isinstance(first, int):
        return np.zeros(cells.values.shape, dtype=bool)
    last = dataset.get("PixelPaddingRangeLimit")
    last = last if isinstance(last, int) else first
    lowest, highest = sorted((first, last))
    if cells.values[0] < 0 <= 2**15 <= highest:
        # A value written as unsigned in a signed file: the same 16 bits.
        lowest, highest = sorted(v - 2**16 if v >= 2**15 else v for v in (first, last))
    return np.asarray((cells.values >= lowest) & (cells.values <= highest))


def _modality(dataset: Dataset, values: NDArray[np.int64], flags: list[str]) -> NDArray[np.float64]:
    """Return the output of the modality LUT or rescale (PS3.3 C.11.1)."""
    for _, item in _tables(dataset, "ModalityLUTSequence", flags, "modality_lut_unusable"):
        return _look_up(dataset, item, values.astype(np.float64))
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None:
        return values.astype(np.float64)
    if float(slope) == 0:
        raise StudyError("has RescaleSlope 0, which makes every pixel the same")
    return np.asarray(values * float(slope) + float(intercept), dtype=np.float64)


def _tables(
    dataset: Dataset, keyword: str, flags: list[str], unusable: str
) -> list[tuple[int, Dataset]]:
    """Return the items of a sequence of LUTs that hold one, with their places.

    Some devices write the sequence with an empty item for want of a LUT. An item with a part of
    one is passed over too, and flagged.
    """
    found = []
    for place, item in enumerate(dataset.get(keyword) or []):
        descriptor, data = item.get("LUTDescriptor"), item.get("LUTData")
        described = isinstance(descriptor, Sequence) and len(descriptor) == 3
        if described and data not in (None, b"", ""):
            found.append((place, item))
        elif data or descriptor:
            flags.append(unusable)
    return found


def _look_up(dataset: Dataset, item: Dataset, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `values` through a LUT; values outside it take its first or last entry.

    pydicom's own function holds indices in the type of the output, so that an 8-bit table with
    more than 256 entries comes out wrong (3.0.2); hence these few lines.
    """
    entries, first, bits = (int(v) for v in item.LUTDescriptor)
    entries = entries or 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        one_byte = bits <= 8 and len(data) < 2 * entries
        table = np.frombuffer(data, dtype="u1" if one_byte else ("<u2" if little else ">u2"))
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.int64))
    if len(table) < entries:
        raise StudyError(
            "has a look-up table of another length than it announces",
            detail=f"{len(table)} entries, announced {entries}",
        )
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, entries - 1)
    return table[places].astype(np.float64)


def _apply_voi(
    dataset: Dataset, values: NDArray[np.float64], voi: int | str | None, flags: list[str]
) -> tuple[NDArray[np.float64], str]:
    """Return the output of the chosen VOI LUT or window (PS3.3 C.11.2) and its name."""
    choices = _voi_choices(dataset, flags)
    if not choices or voi == "none":
        return values, "none"
    first = _chosen(choices, voi)
    for kind, index, explanation in choices[first:] + choices[:first]:
        name = f"{kind} {index}" + (f" ({words.explanation(explanation)})" if explanation else "")
        if kind == "LUT":
            return _look_up(dataset, dataset.VOILUTSequence[index], values), name
        # Only what the window needs: the modality transform has been applied already.
        window = Dataset()
        window.PhotometricInterpretation = "MONOCHROME2"
        window.PixelRepresentation = dataset.get("PixelRepresentation", 0)
        window.BitsStored = dataset.BitsStored
        window.WindowCenter = _several(dataset, "WindowCenter")[index]
        window.WindowWidth = _several(dataset, "WindowWidth")[index]
        window.VOILUTFunction = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
        try:
            windowed = apply_windowing(values, window)
        except ValueError:
            # A width of zero or an unknown function says nothing about grey levels.
            flags.append("voi_unusable")
            continue
        return np.asarray(windowed, dtype=np.float64), f"{window.VOILUTFunction} {name}"
    return values, "none"


def _voi_choices(dataset: Dataset, flags: list[str]) -> list[tuple[str, int, str]]:
    """Return (kind, index, explanation) of every VOI the file offers, tables before windows."""
    choices = [
        ("LUT", i, str(item.get("LUTExplanation") or ""))
        for i, item in _tables(dataset, "VOILUTSequence", flags, "voi_unusable")
    ]
    centers, widths = _several(dataset, "WindowCenter"), _several(dataset, "WindowWidth")
    said = _several(dataset, "WindowCenterWidthExplanation")
    windows = range(min(len(centers), len(widths)))
    return choices + [("window", i, str(said[i]) if i < len(said) else "") for i in windows]


def _several(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | float | int) else list(value)


def _chosen(choices: list[tuple[str, int, str]], voi: int | str | None) -> int:
    if voi is None:
        return 0
    if isinstance(voi, int) and 0 <= voi < len(choices):
        return voi
    for place, (_, _, explanation) in enumerate(choices):
        if isinstance(voi, str) and explanation.strip().upper() == voi.strip().upper():
            return place
    offered = (f"{i}: {k} {words.explanation(w)!r}" for i, (k, _, w) in enumerate(choices))
    raise StudyError("has no VOI as images.voi asks for", detail=f"it offers {', '.join(offered)}")


def _is_inverted(dataset: Dataset, flags: list[str]) -> bool:
    """Say whether low values are bright.

    In DX and mammography objects a presentation LUT shape INVERSE and MONOCHROME1 are two ways
    of saying the same thing (PS3.3 C.8.11.3.1.2), so they invert once, not twice.
    """
    first = dataset.PhotometricInterpretation == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape") or "").upper()
    if shape in {"IDENTITY", "INVERSE"} and first != (shape == "INVERSE"):
        flags.append("polarity_contradiction")
    return first or shape == "INVERSE"


def _from_exposure(
    dataset: Dataset, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], bool]:
    """Return raw detector values as attenuation (more is brighter), and whether that inverted them.

    Pixel Intensity Relationship LIN (the default) takes a logarithm, LOG has one already; its
    sign says whether more X-rays give higher values (1, the default) or lower ones (-1)
    (PS3.3 C.8.11.3.1.2).
    """
    more_is_higher = int(dataset.get("PixelIntensityRelationshipSign") or 1) != -1
    logarithmic = str(dataset.get("PixelIntensityRelationship") or "LIN").upper() == "LOG"
    if not logarithmic:
        signal = values if more_is_higher else values.max() - values
        return -np.log(np.maximum(signal, 1.0)), more_is_higher
    return (-values if more_is_higher else values), more_is_higher
