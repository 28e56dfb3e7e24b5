"""A folder of DICOM files: a draft of both tables, for a person to complete."""

from collections import defaultdict

from microcalc.core.files import digest_bytes
from microcalc.ingest import headers
from microcalc.ingest.collection import Collection
from microcalc.ingest.headers import Header
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Case, Image, NotTakenError, Place


def read(ledger: Ledger) -> None:
    """Take or leave every file; names are running numbers, since headers hold hospital numbers."""
    found: dict[Place, Header] = {}
    instances: set[str] = set()
    for path in sorted(p for p in ledger.folder.rglob("*") if p.is_file()):
        place = Place(ledger.relative(path))
        ledger.expect(place)
        with ledger.entry(place):
            header = headers.read(ledger.folder, place.source)
            if header.modality not in ("MG", ""):
                raise NotTakenError("no mammogram (another modality)")
            headers.refuse_special(header)
            if not header.patient_id:
                raise NotTakenError("its file names no patient")
            if header.instance_uid in instances:
                raise NotTakenError("the same image once more (SOPInstanceUID)")
            instances |= {header.instance_uid} - {""}
            found[place] = header
    patients = _numbered("P", {header.patient_id for header in found.values()})
    breasts = _numbered("C", {_breast(header) for header in found.values()})
    views: dict[str, int] = defaultdict(int)
    for place, header in found.items():
        case = Case(breasts[_breast(header)], patients[header.patient_id], center="A")
        views[case.case_id] += 1
        image_id = f"{case.case_id}_{views[case.case_id]}"
        image = Image(
            image_id, header.path, header.view, header.side, has_spacing=header.has_spacing
        )
        ledger.take(place, case, image)


def _breast(header: Header) -> str:
    return f"{header.patient_id}/{header.study_uid}/{header.side}"


def _numbered(letter: str, names: set[str]) -> dict[str, str]:
    """Return a running number for each name, in an order that tells nothing of the names."""
    ordered = sorted(names, key=lambda name: digest_bytes(name.encode()))
    digits = max(3, len(str(len(ordered))))
    return {name: f"{letter}{i + 1:0{digits}d}" for i, name in enumerate(ordered)}


COLLECTION = Collection(
    name="generic",
    title="A folder of DICOM files",
    read=read,
    remarks=(
        "A draft. Fill in label and center in the case table, and in the images table the region "
        "of every image: x0, y0, x1 and y1, or roi_path (a mask or polygons). Delete the rows of "
        "breasts without a lesion. Declare clinical columns that you add under clinical below.",
        "A case is one breast in one examination. Write down yourself, under lock, which numbers "
        "belong to which patients: the tables name files, not people.",
    ),
)
