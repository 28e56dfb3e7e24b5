"""A folder of DICOM files, pictures or volumes: a draft of both tables for a person to complete."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from microcalc.core.files import digest_bytes
from microcalc.ingest import file_names, headers, pairing, volume_headers
from microcalc.ingest.collection import Collection
from microcalc.ingest.file_names import Named
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Case, Image, NotTakenError, Place

BY_STUDY, BY_NAME, BY_FOLDER = "StudyInstanceUID", "the file's name", "the folder"

# Of one image in several formats the first is taken; DICOM comes before all of them.
_FORMATS = (
    *(".nii.gz", ".nii", ".nrrd", ".mha", ".mhd"),
    *(".tif", ".tiff", ".png", ".pgm", ".jpg", ".jpeg"),
)


@dataclass(frozen=True)
class Found:
    """An image of the folder, before it is known whose it is.

    Attributes
    ----------
    place
        Where it lies.
    named
        What its name says.
    side, view
        As the file says them, or its name.
    patient_id, study_uid, instance_uid
        Of a DICOM file; else empty.
    is_raw
        Whether it is FOR PROCESSING.
    has_spacing
        Whether the file gives a pixel spacing that can be believed.
    """

    place: Place
    named: Named
    side: str
    view: str
    patient_id: str = ""
    study_uid: str = ""
    instance_uid: str = ""
    is_raw: bool = False
    has_spacing: bool = False

    @property
    def is_dicom(self) -> bool:
        """Whether its name has no suffix of another format."""
        return file_names.suffix(self.place.source) not in _FORMATS


def read(ledger: Ledger) -> None:
    """Take or leave every file, see `Collection.read`; there is no table that could be missing.

    Names are running numbers, since headers hold hospital numbers.
    """
    images: list[Found] = []
    masks: dict[Place, Named] = {}
    for path in sorted(p for p in ledger.folder.rglob("*") if p.is_file()):
        place = Place(ledger.relative(path))
        ledger.expect(place)
        with ledger.entry(place):
            named = _named(path, place.source)
            if named.is_mask:
                masks[place] = named
            else:
                images.append(_image(ledger.folder, place, named))
    images = _once(ledger, images)
    whose = _patients(images)
    images = _without_raw_twins(ledger, images, whose)
    drawn = pairing.of_images(ledger, masks, {one.place: one.named for one in images})
    _take(ledger, images, whose, drawn)


def _named(path: Path, source: str) -> Named:
    """Return what a file's name says of an image or mask."""
    if path.name.startswith(".") or "__MACOSX" in path.parts:
        raise NotTakenError("a hidden file")
    if path.suffix.lower() in (".raw", ".zraw") and path.with_suffix(".mhd").exists():
        raise NotTakenError("the pixels of the MHD header beside it")
    known = file_names.suffix(source) in (*file_names.PICTURES, *file_names.VOLUMES)
    named = file_names.read(source, is_picture=known)
    if named.is_preview and known:
        raise NotTakenError("a thumbnail or overlay, as its name says")
    if named.is_mask and not known and not headers.is_dicom(path):
        raise NotTakenError("neither an image nor a mask")
    return named


def _image(folder: Path, place: Place, named: Named) -> Found:
    ending = file_names.suffix(place.source)
    if ending == ".bmp":
        raise NotTakenError("a BMP file, which is read as a mask alone; save it as PNG or TIFF")
    if ending in file_names.VOLUMES:
        headers.refuse_view(named.view)
        has_spacing = volume_headers.has_spacing(folder / place.source)
        return Found(place, named, named.side, named.view, has_spacing=has_spacing)
    if ending in file_names.PICTURES:
        headers.refuse_view(named.view)
        return Found(place, named, named.side, named.view)
    header = headers.read(folder, place.source)
    if header.modality not in ("MG", ""):
        raise NotTakenError("no mammogram (another modality)")
    headers.refuse_special(header)
    return Found(
        place,
        named,
        header.side,
        header.view,
        patient_id=header.patient_id,
        study_uid=header.study_uid,
        instance_uid=header.instance_uid,
        is_raw=header.is_raw,
        has_spacing=header.has_spacing,
    )


def _once(ledger: Ledger, images: list[Found]) -> list[Found]:
    """Return each image once: of one UID the first, of one name the format that tells most."""
    kept: list[Found] = []
    instances: set[str] = set()
    formats: dict[tuple[str, str], int] = {}
    for one in sorted(images, key=lambda one: (_rank(one), one.place)):
        key, rank = one.named.keys[0], _rank(one)
        if one.instance_uid in instances:
            ledger.leave(one.place, "the same image once more (SOPInstanceUID)")
        elif formats.setdefault(key, rank) != rank:
            ledger.leave(one.place, "the same name once more, in another format")
        else:
            kept.append(one)
        instances |= {one.instance_uid} - {""}
    return sorted(kept, key=lambda one: one.place)


def _rank(one: Found) -> int:
    return -1 if one.is_dicom else _FORMATS.index(file_names.suffix(one.place.source))


def _patients(images: list[Found]) -> dict[Place, tuple[str, str]]:
    """Return who each image's patient is, as (what says so, its name); "" is PatientID.

    Without a PatientID, the study's in another file; else its StudyInstanceUID. Else the rest of a
    name that tells side or view, where there is no folder, or one of several rests of which any
    is that of two images: running numbers are of one image each. Else the folder. Else what the
    name has before its last word, where that holds a digit; else the file.
    """
    of_study = {one.study_uid: one.patient_id for one in images if one.patient_id}
    rests: dict[str, Counter[str]] = defaultdict(Counter)
    for one in images:
        if _is_nameless(one) and one.named.tells:
            rests[one.named.folder][one.named.rest] += 1
    of_patients = {
        folder: not folder or (len(counts) > 1 and max(counts.values()) > 1)
        for folder, counts in rests.items()
    }

    def patient(one: Found) -> tuple[str, str]:
        if not _is_nameless(one):
            known = one.patient_id or of_study.get(one.study_uid, "")
            return ("", known) if known else (BY_STUDY, one.study_uid)
        folder, rest = one.named.folder, one.named.rest
        if one.named.tells and rest and of_patients[folder]:
            return BY_NAME, f"{folder}/{rest}"
        if folder or one.named.tells:
            return BY_FOLDER, folder
        return BY_NAME, f"/{one.named.shared or rest or one.place.source}"

    return {one.place: patient(one) for one in images}


def _is_nameless(one: Found) -> bool:
    return not (one.patient_id or one.study_uid)


def _without_raw_twins(
    ledger: Ledger, images: list[Found], whose: dict[Place, tuple[str, str]]
) -> list[Found]:
    """Return the images but for those FOR PROCESSING whose view is there FOR PRESENTATION."""

    def shown(one: Found) -> tuple[tuple[str, str], str, str, str]:
        return whose[one.place], one.study_uid, one.side, one.view

    finished = {shown(one) for one in images if not one.is_raw}
    kept = []
    for one in images:
        if one.is_raw and shown(one) in finished:
            ledger.leave(one.place, "FOR PROCESSING; the same view is there FOR PRESENTATION")
        else:
            kept.append(one)
    return kept


def _take(
    ledger: Ledger,
    images: list[Found],
    whose: dict[Place, tuple[str, str]],
    drawn: dict[Place, Place],
) -> None:
    def breast(one: Found) -> str:
        # Two images without a side may show two breasts.
        part = one.side or one.place.source
        return "\n".join([*whose[one.place], one.study_uid or one.named.exam, part])

    patients = _numbered("P", {"\n".join(whose[one.place]) for one in images})
    breasts = _numbered("C", map(breast, images))
    views: dict[str, int] = defaultdict(int)
    for one in images:
        origin, _ = whose[one.place]
        case = Case(breasts[breast(one)], patients["\n".join(whose[one.place])], center="A")
        views[case.case_id] += 1
        image = Image(
            f"{case.case_id}_{views[case.case_id]}",
            one.place.source,
            one.view,
            one.side,
            has_spacing=one.has_spacing,
            patient_from=origin,
        )
        if one.place in drawn:
            image = replace(image, roi_path=drawn[one.place].source)
            ledger.take(drawn[one.place], case, image)
        ledger.take(one.place, case, image)


def _numbered(letter: str, names: Iterable[str]) -> dict[str, str]:
    """Return a running number for each name, in an order that tells nothing of the names."""
    ordered = sorted(set(names), key=lambda name: digest_bytes(name.encode()))
    digits = max(3, len(str(len(ordered))))
    return {name: f"{letter}{i + 1:0{digits}d}" for i, name in enumerate(ordered)}


COLLECTION = Collection(
    name="generic",
    title="A folder of images",
    read=read,
    remarks=(
        "A draft. Fill in label and center in the case table, and in the images table the region "
        "of every image that has none: x0, y0, x1 and y1, or roi_path (a mask or polygons). Delete "
        "the rows of breasts without a lesion. Declare clinical columns that you add under "
        "clinical below.",
        "A case is one breast in one examination. Write down yourself, under lock, which numbers "
        "belong to which patients: the tables name files, not people.",
    ),
)
