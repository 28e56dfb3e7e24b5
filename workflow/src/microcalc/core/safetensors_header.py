"""The metadata of a safetensors file, read without torch."""

import json
import os
import struct

from microcalc.core.errors import StudyError


def metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the texts that a safetensors file says of itself.

    Parameters
    ----------
    path
        The file: eight bytes of length, a JSON header of that length, the tensors.

    Returns
    -------
    dict
        By name; empty where it says nothing.

    Raises
    ------
    StudyError
        When it is no safetensors file.
    """
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (struct.error, ValueError, AttributeError, OverflowError, MemoryError) as error:
        raise StudyError(f"{os.path.basename(path)}: is no safetensors file ({error})") from None
