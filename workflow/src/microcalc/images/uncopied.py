"""A DICOM file in memory, whose pixels pydicom looks at where they are."""

import io
from typing import Any

# (7FE0,0010), in either byte order.
_PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_LONG = 2**8
_LONGEST_HEADER = 12


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
        before = self._data[max(at - _LONGEST_HEADER, 0) : at]
        if size is None or size < _LONG or not any(tag in before for tag in _PIXEL_DATA):
            return super().read(size)
        self.seek(size, io.SEEK_CUR)
        return memoryview(self._data)[at : at + size]
