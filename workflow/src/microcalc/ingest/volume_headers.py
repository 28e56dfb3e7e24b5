"""What the header of a NIfTI, NRRD or MetaImage file tells an adapter; pixels stay unread."""

from pathlib import Path
from typing import Any

from microcalc.core.errors import StudyError
from microcalc.images import geometry
from microcalc.ingest.record import NotTakenError


def has_spacing(path: Path) -> bool:
    """Return whether a volume of one slice gives a pixel spacing that can be believed.

    A spacing of exactly 1 is what writers put in for want of one. An axis of length 1 is passed
    over.

    Parameters
    ----------
    path
        A NIfTI, NRRD or MetaImage file.

    Raises
    ------
    NotTakenError
        When the header cannot be read, or there are several slices.
    """
    import SimpleITK

    itk: Any = SimpleITK
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = itk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise NotTakenError("its header cannot be read") from None
    size, spacing = reader.GetSize(), reader.GetSpacing()
    axes = [axis for axis, length in enumerate(size) if length > 1]
    if len(axes) > 2:
        raise NotTakenError("tomosynthesis or another object of several frames")
    if len(axes) < 2:
        raise NotTakenError("a volume without an image")
    found = [spacing[axis] for axis in axes]
    if 1 in found:
        return False
    try:
        for one in found:
            geometry.of_table(one, (size[axes[1]], size[axes[0]]), [])
    except StudyError:
        return False
    return True
