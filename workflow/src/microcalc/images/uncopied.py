"""In-memory DICOM file, whose pixels pydicom looks at where they are, compressed or not."""

import io
from typing import Any, Literal

# (7FE0,0010), and how far before the value it stands: there may be a VR between, and the length is.
_PIXEL_DATA: dict[Literal["little", "big"], bytes] = {
    "little": b"\xe0\x7f\x10\x00",
    "big": b"\x7f\xe0\x00\x10",
}
_BEFORE = (8, 12)
_UNKNOWN_LENGTH = b"\xff\xff\xff\xff"
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_HEAD = 8


class UncopiedPixels(io.BytesIO):
    """The bytes of a file; of pixel data, `read` returns a view.

    Copying those of an uncompressed mammogram costs as much as all else that reading it does.

    Parameters
    ----------
    data
        The file.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def read(self, size: int | None = -1, /) -> Any:
        """Return the next bytes, or a view of them where they are pixels.

        Parameters
        ----------
        size
            How many; all that are left where it is None or negative.

        Returns
        -------
        bytes or memoryview
            Fewer at the end of the file.
        """
        at = self.tell()
        if size is None or not self._is_pixel_data(at, size):
            return super().read(size)
        self.seek(min(size, len(self._data) - at), io.SEEK_CUR)
        return memoryview(self._data)[at : at + size]

    def _is_pixel_data(self, at: int, size: int) -> bool:
        """Say whether a header of pixel data of this length ends here.

        Compressed pixel data do not say how long they are, but what follows them does.
        """
        for order, tag in _PIXEL_DATA.items():
            told = self._data[at - 4 : at]
            fits = int.from_bytes(told, order) == size or (
                told == _UNKNOWN_LENGTH and self._data.startswith(_END, at + size)
            )
            if fits and any(self._data.startswith(tag, at - n) for n in _BEFORE if n <= at):
                return True
        return False


def only_fragment(encapsulated: bytes | memoryview) -> memoryview | None:
    """Return a view of the one fragment that encapsulated pixel data hold.

    Parameters
    ----------
    encapsulated
        The value of PixelData of a compressed object.

    Returns
    -------
    memoryview or None
        None where there are several, or none, or anything is odd about them.

    References
    ----------
    DICOM PS3.5 A.4.

    Examples
    --------
    >>> from pydicom.encaps import encapsulate
    >>> from microcalc.images import uncopied
    >>> bytes(uncopied.only_fragment(encapsulate([b"one frame."])))
    b'one frame.'
    >>> uncopied.only_fragment(encapsulate([b"one frame.", b"another."])) is None
    True
    """
    data = memoryview(encapsulated)
    found: list[memoryview] = []
    at = 0
    while data[at : at + 4] == _ITEM and len(found) <= 2:
        length = int.from_bytes(data[at + 4 : at + _HEAD], "little")
        found.append(data[at + _HEAD : at + _HEAD + length])
        at += _HEAD + length
    ends = at == len(data) or data[at : at + 4] == _END
    # The first item is a table of where each frame begins; it may be empty.
    if len(found) == 2 and ends and bytes(found[0]) in {b"", bytes(4)}:
        return found[1]
    return None
