"""What the header of a NIfTI, NRRD or MetaImage file tells an adapter; pixels stay unread."""

from pathlib import Path
from typing import Any

from microcalc.errors import StudyError
from microcalc.images import geometry
from microcalc.ingest.record import NotTakenError


def has_spacing(path: Path) -> bool:
    """Return whether a volume of one slice gives a pixel spacing that can be believed.

    A spacing of exactly 1 is what writers put in for want of one.

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
    if any(length > 1 for length in size[2:]):
        raise NotTakenError("tomosynthesis or another object of several frames")
    if spacing[0] == spacing[1] == 1:
        return False
    try:
        geometry.of_table(max(spacing[:2]), (size[1], size[0]), [])
    except StudyError:
        return False
    return True
