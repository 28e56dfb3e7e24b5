"""A DICOM file in memory, whose pixels pydicom looks at where they are."""

import io
from typing import Any, Literal

# (7FE0,0010), and how far before the value it stands: there may be a VR between, and the length is.
_PIXEL_DATA: dict[Literal["little", "big"], bytes] = {
    "little": b"\xe0\x7f\x10\x00",
    "big": b"\x7f\xe0\x00\x10",
}
_BEFORE = (8, 12)


class UncopiedPixels(io.BytesIO):
    """The bytes of a file; of pixel data of a known length, `read` returns a view.

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
        """Return the next bytes, or a memoryview of them where they are pixels."""
        at = self.tell()
        if size is None or not self._is_pixel_data(at, size):
            return super().read(size)
        self.seek(min(size, len(self._data) - at), io.SEEK_CUR)
        return memoryview(self._data)[at : at + size]

    def _is_pixel_data(self, at: int, size: int) -> bool:
        """Say whether a header of pixel data of this length ends here."""
        for order, tag in _PIXEL_DATA.items():
            length = int.from_bytes(self._data[at - 4 : at], order)
            if length == size and any(
                self._data.startswith(tag, at - n) for n in _BEFORE if n <= at
            ):
                return True
        return False
