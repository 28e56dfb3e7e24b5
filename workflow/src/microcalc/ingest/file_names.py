"""What the name of an image or mask tells: side, view, whose it is, and which belong together.

Words are letters and digits between anything else, in any case: `P001_L_CC.png`, `left-mlo.tif` and
`P001.RCC.nii.gz` all say side and view.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from microcalc.config import views

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm", ".bmp")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")

_SIDES = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
# Two letters such as ID, AC or FB are too often something else.
_VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "SIO", "ISO", "XCC", "XCCL", "XCCM")
_PARTICULARS = {"SPOT": "SPOT", "MAG": "MAG", "MAGNIFICATION": "MAG", "MAGNIFIED": "MAG"}
_MASK = re.compile(r"(MASK|ROI|SEG|SEGMENTATION|LABEL|ANNOTATION)S?\d*")
_MASK_FOLDER = re.compile(rf"({_MASK.pattern}|LABELS?T[RS]|GT|GROUND_?TRUTH)")
_IMAGE_FOLDER = re.compile(r"(IMAGES?|IMGS?|IMAGEST[RS]|MAMMOGRAMS?|SCANS?)")
_OF_NOBODY_FOLDER = re.compile(
    r"(DATA(SET)?|PNGS?|TIFF?S?|JPE?GS?|PGMS?|DICOMS?|DCMS?|NII|NIFTI|RAW|TRAIN(ING)?|TEST(ING)?"
    r"|VAL(ID(ATION)?)?|INTERNAL|EXTERNAL|BENIGN|MALIGNANT|NORMAL|CANCER|DCIS|IDC|INVASIVE|IN_?SITU)"
)
_OF_NOBODY = {
    *("MG", "FFDM", "IMG", "IMAGE", "IM", "SCAN", "MAMMO", "MAMMOGRAM", "BREAST", "VIEW", "ANON"),
    *("CLAHE", "RAW"),
}
_PREVIEW = re.compile(r"(THUMB(NAIL)?|PREVIEW|OVERLAY|HEATMAP)S?")
_DATE = re.compile(r"(19|20)\d\d([-_.]?\d\d([-_.]?\d\d)?)?")
# What nnU-Net adds to an image's name and not to its label's.
_CHANNEL = "0000"


@dataclass(frozen=True)
class Named:
    """What a file's path says.

    Attributes
    ----------
    side
        L, R, or empty where it says neither or both.
    view
        A canonical view (`microcalc.config.views`), or empty where it says none or two.
    is_preview
        Whether its name says that it is a thumbnail or an overlay.
    is_mask
        Whether it is a mask, by its name (`P001_L_CC_mask.png`) or its folder (`masks/`).
    keys
        What pairs images with masks, the likeliest first: folder and name without the words that
        make a mask a mask.
    folder
        The folders that could be a patient's: without those of kinds of files, sets and classes
        (`images`, `train`, `malignant`), sides, views and dates.
    rest
        What is left of the name without side, view and words such as `img`.
    shared
        What `rest` has before its last word, where that holds a digit: `10006` of
        `10006_462822612.png`.
    tells
        Whether the name itself tells side or view, so that `rest` could be a patient's.
    exam
        The folders that are dates.
    """

    side: str
    view: str
    is_preview: bool
    is_mask: bool
    keys: tuple[tuple[str, str], ...]
    folder: str
    rest: str
    shared: str
    tells: bool
    exam: str


def suffix(path: str) -> str:
    """Return a file's suffix in lower case, with its dot, `.nii.gz` being one; empty without one.

    Examples
    --------
    >>> from microcalc.ingest import file_names
    >>> file_names.suffix("A/P001_MLO_L.NII.GZ"), file_names.suffix("A/README")
    ('.nii.gz', '')
    """
    name = PurePosixPath(path).name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else PurePosixPath(name).suffix


def read(path: str, *, is_picture: bool = True) -> Named:
    """Return what a path, relative to the source folder, says.

    Parameters
    ----------
    path
        With forward slashes.
    is_picture
        Whether the suffix is a format's. DICOM files have any or none, with dots in their names.
    """
    at = PurePosixPath(path)
    ending = suffix(path) if is_picture or suffix(path) in (".dcm", ".dicom", ".ima") else ""
    tokens = _tokens(at.name[: len(at.name) - len(ending)] if ending else at.name)
    folders = list(at.parts[:-1])
    masked = [i for i, token in enumerate(tokens) if _MASK.fullmatch(token)]
    of_mask = bool(masked) or any(_is(_MASK_FOLDER, folder) for folder in folders)
    said = [_side_and_view(token) for token in tokens]
    sides, seen = {side for side, _ in said if side}, {view for _, view in said if view}
    telling = [folder for folder in folders if not _is_side_or_view(folder)]
    for folder in reversed(folders):
        # The nearest folder that is a side or a view, where the name itself is silent.
        side, view = _side_and_view(folder.upper())
        sides = sides or ({side} - {""})
        seen = seen or ({view} - {""})
    view = views.canonical(" ".join(sorted(seen)))
    whose = [
        folder
        for folder in telling
        if not any(_is(kind, folder) for kind in (_MASK_FOLDER, _IMAGE_FOLDER, _OF_NOBODY_FOLDER))
    ]
    exam = [folder for folder in whose if _DATE.fullmatch(folder)]
    whose = [folder for folder in whose if folder not in exam] or whose
    rest = [
        token
        for i, token in enumerate(tokens)
        if i not in masked and said[i] == ("", "") and token not in _OF_NOBODY
    ]
    return Named(
        side=sides.pop() if len(sides) == 1 else "",
        view="" if view == views.OTHER else view,
        is_preview=any(_PREVIEW.fullmatch(token) for token in tokens),
        is_mask=of_mask,
        keys=_keys(folders, tokens, masked),
        folder="/".join(whose),
        rest="_".join(rest),
        shared="_".join(rest[:-1]) if re.search(r"\d", "_".join(rest[:-1])) else "",
        tells=any(one != ("", "") for one in said),
        exam="/".join(exam),
    )


def _keys(folders: list[str], tokens: list[str], masked: list[int]) -> tuple[tuple[str, str], ...]:
    at = [
        folder.casefold()
        for folder in folders
        if not (_is(_MASK_FOLDER, folder) or _is(_IMAGE_FOLDER, folder))
    ]
    left = [token for i, token in enumerate(tokens) if i not in masked]
    numbered = masked and masked[-1] == len(tokens) - 2 and tokens[-1].isdigit()
    stems = [left]
    if numbered and left[:-1]:
        # P001_L_CC_mask_2: the second mask of P001_L_CC.
        stems.append(left[:-1])
    if tokens[-1:] == [_CHANNEL]:
        stems.append(left[:-1])
    if not masked:
        # image.png beside mask.png.
        stems.append([token for token in left if token not in _OF_NOBODY])
    return tuple(dict.fromkeys(("/".join(at), "_".join(stem).casefold()) for stem in stems))


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.upper())


def _side_and_view(token: str) -> tuple[str, str]:
    """Return what a word says of side and view: L, LEFT, MLO, RCC, LEFTMLO, SPOT."""
    if token in _PARTICULARS:
        return "", _PARTICULARS[token]
    if token in _SIDES or token in _VIEWS:
        return _SIDES.get(token, ""), token if token in _VIEWS else ""
    for word, side in _SIDES.items():
        if token.removeprefix(word) in _VIEWS and token.startswith(word):
            return side, token.removeprefix(word)
    return "", ""


def _is_side_or_view(folder: str) -> bool:
    return _side_and_view(folder.upper()) != ("", "")


def _is(kind: re.Pattern[str], folder: str) -> bool:
    return bool(kind.fullmatch(folder.upper()))
