"""mini-MIAS: digitized films with a circle around each cluster; benign against malignant.

`Info.txt` and `mdb001.pgm` to `mdb322.pgm` (Suckling et al. 1994, Excerpta Medica International
Congress Series 1069: 375-378), one line per abnormality:

    mdb209 G CALC M 647 503 87
    mdb216 D CALC M *NOTE 3*

film, background tissue, class, severity, x and y of the circle's center counted from the lower left
corner, radius in pixels. Films of a patient follow each other, the odd one of the right breast; all
are oblique, 1024 x 1024 pixels of 0.2 mm.
"""

import re
from collections import Counter
from pathlib import Path

from PIL import Image as Pillow

from microcalc.core.errors import StudyError
from microcalc.ingest import roi_boxes
from microcalc.ingest.collection import BENIGN_OR_MALIGNANT, Collection
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Box, Case, Image, NotTakenError, Place, pseudonym

_SIDE_PX = 1024
_SPACING_MM = "0.2"
_LINE = re.compile(
    r"(?P<film>mdb(?P<number>\d{3})) +(?P<tissue>[FGD]) +(?P<kind>[A-Z]{4})"
    r"( +(?P<severity>[BM]))?( +(?P<x>\d+) +(?P<y>\d+) +(?P<radius>\d+))?( +\*NOTE \d\*)?\s*"
)
_LABELS = {"B": "benign", "M": "malignant"}
_TISSUES = {"F": "fatty", "G": "fatty-glandular", "D": "dense-glandular"}


def read(ledger: Ledger) -> None:
    """Take or leave every line about a film, see `Collection.read`.

    Raises
    ------
    StudyError
        When Info.txt is not under the folder.
    """
    table = min(
        (path for path in ledger.folder.rglob("*") if path.name.lower() == "info.txt"), default=None
    )
    if table is None:
        raise StudyError("no Info.txt of mini-MIAS is under the source folder")
    films = {path.stem.lower(): path for path in sorted(ledger.folder.rglob("mdb*.pgm"))}
    clusters: Counter[str] = Counter()
    lines = table.read_text(encoding="latin-1").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("mdb"):
            continue
        place = Place(ledger.relative(table), f"line {number}")
        ledger.expect(place)
        with ledger.entry(place):
            match = _LINE.fullmatch(line.rstrip())
            if match is None:
                raise NotTakenError("its line cannot be read")
            said = match.groupdict()
            _refuse_other_kinds(said)
            clusters[said["film"]] += 1
            case = _case(said, clusters[said["film"]])
            ledger.take(place, case, _image(ledger, said, case, films))


def _refuse_other_kinds(said: dict[str, str | None]) -> None:
    if said["kind"] == "NORM":
        raise NotTakenError("no abnormality")
    if said["kind"] != "CALC":
        raise NotTakenError("another abnormality than calcification")
    if said["severity"] is None:
        raise NotTakenError("neither benign nor malignant")


def _case(said: dict[str, str | None], cluster: int) -> Case:
    return Case(
        case_id=pseudonym(str(said["film"]), str(cluster)),
        patient_id=f"pair{(_number(said) + 1) // 2:03d}",
        center="mini-MIAS",
        label=_LABELS[str(said["severity"])],
        clinical={"background_tissue": _TISSUES[str(said["tissue"])]},
    )


def _image(
    ledger: Ledger, said: dict[str, str | None], case: Case, films: dict[str, Path]
) -> Image:
    if said["radius"] is None:
        raise NotTakenError("its calcifications are spread over the film; no place is given")
    film = films.get(str(said["film"]))
    if film is None:
        raise NotTakenError("its image is not under the source folder")
    if _size(film) != (_SIDE_PX, _SIDE_PX):
        raise NotTakenError("its film is not of 1024 x 1024 pixels, which the places count in")
    return Image(
        image_id=case.case_id,
        path=ledger.relative(film),
        view="MLO",
        laterality="R" if _number(said) % 2 else "L",
        box=_box(said),
        has_spacing=False,
        spacing_mm=_SPACING_MM,
    )


def _number(said: dict[str, str | None]) -> int:
    return int(str(said["number"]))


def _size(film: Path) -> tuple[int, int]:
    try:
        with Pillow.open(film, formats=("PPM",)) as opened:
            return opened.size
    except (OSError, ValueError):
        raise NotTakenError("its film is no PGM file") from None


def _box(said: dict[str, str | None]) -> Box:
    """Return the box around the circle, in rows from the top, as much of it as is on the film."""
    x, y, radius = (float(str(said[name])) for name in ("x", "y", "radius"))
    center = (x, _SIDE_PX - y)
    upper, lower = (
        [min(max(at + reach, 0.0), _SIDE_PX) for at in center] for reach in (-radius, radius)
    )
    box = roi_boxes.around([(upper[0], upper[1]), (lower[0], lower[1])])
    return roi_boxes.only([box], (_SIDE_PX, _SIDE_PX))


COLLECTION = Collection(
    name="mias",
    title="mini-MIAS",
    read=read,
    negative="benign",
    positive="malignant",
    surrogate=BENIGN_OR_MALIGNANT.format(title="mini-MIAS"),
    # 224 pixels of the films' own size; the widest circle is of 35 mm.
    images={"spacing_mm": 0.2, "patch_mm": 44.8},
    remarks=(
        "For research alone, as its licence says: neither the films nor parts of them may be "
        "passed on otherwise than under it, and publications cite Suckling et al. 1994.",
        "A case is a cluster, and several lie on some films. Pixels of 0.2 mm show no shape of "
        "single calcifications.",
    ),
)
