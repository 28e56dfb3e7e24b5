"""OMI-DB (OPTIMAM): in situ against invasive by biopsy and surgery, boxes by expert readers.

Each client (patient) has `data/<client>/nbss_<client>.json` (episodes, lesions, pathology),
`data/<client>/imagedb_<client>.json` (studies, series, images and their marks), and images under
`images/<client>/<study>/<image>.dcm`. The package omidb documents the layout (Halling-Brown et al.
2021, doi 10.1148/ryai.2020200103).
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.ingest import headers, roi_boxes
from microcalc.ingest.collection import Collection
from microcalc.ingest.headers import Header
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Box, Case, Image, NotTakenError, Place, pseudonym

_LABELS = {"a": "DCIS", "b": "IDC"}
_CALCIFIED = {"CA", "Calcification only", "MC", "Mass with calcification"}
_MASSES = {"MA", "Mass", "MC", "Mass with calcification"}

Content = dict[str, Any]
LesionKey = tuple[str, str, str]
"""Episode, side and the lesion's number."""


@dataclass
class _Mark:
    """A box on an image, linked to lesions by their numbers."""

    place: Place
    episode: str
    path: str
    content: Content


@dataclass(frozen=True)
class _Client:
    """A client's lesions: those with a label as cases, all with their place and description."""

    cases: dict[LesionKey, Case]
    places: dict[LesionKey, Place]
    described: dict[LesionKey, str]


def read(ledger: Ledger) -> None:
    """Take or leave every lesion and every mark of every client, see `Collection.read`.

    A client whose own files cannot be read is left with that reason.

    Raises
    ------
    StudyError
        When no client's ImageDB file is under the folder.
    """
    databases = list(_databases(ledger.folder))
    if not databases:
        raise StudyError(
            "no data/<client>/imagedb_<client>.json of OMI-DB is under the source folder; name the "
            "folder that holds data and images"
        )
    for path in databases:
        _read_client(ledger, path)


def _databases(folder: Path) -> Iterator[Path]:
    """Return each client's ImageDB file, without a look into the folders of its images."""
    for current, folders, names in os.walk(folder):
        path = Path(current)
        folders.sort()
        if folder not in (path, path.parent) and path.parent.name == "data":
            folders.clear()
            yield from (path / name for name in names if _is_file_of(path, "imagedb", name))
        elif "data" in folders:
            folders[:] = [name for name in folders if name != "images"]


def _is_file_of(client: Path, kind: str, name: str) -> bool:
    """Say whether a file is a client's ImageDB or NBSS file; some are named in capitals."""
    return name.casefold() == f"{kind}_{client.name}.json".casefold()


def _read_client(ledger: Ledger, database: Path) -> None:
    client = database.parent.name
    folder = database.parent
    named = (path for path in folder.iterdir() if _is_file_of(folder, "nbss", path.name))
    records = next(named, None)
    if records is None:
        ledger.leave(Place(ledger.relative(database)), "its client has no NBSS record")
        return
    try:
        episodes, images = _content(records), _content(database)
    except NotTakenError as reason:
        ledger.leave(Place(ledger.relative(database)), str(reason))
        return
    center = pseudonym(str(images.get("Site") or "")) or "unknown"
    known = _Client({}, {}, {})
    for key, lesion in _lesions(episodes):
        place = Place(ledger.relative(records), "episode {}, lesion {}{}".format(*key))
        known.places[key] = place
        known.described[key] = str(lesion.get("LesionDescription") or "")
        ledger.expect(place)
        with ledger.entry(place):
            known.cases[key] = _case(client, center, key, episodes[key[0]])
    pictured = _take_marks(ledger, known, _marks(ledger, database, images))
    for key in known.cases.keys() - pictured:
        ledger.leave(known.places[key], "no mark of it can be used")


def _content(path: Path) -> Content:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise NotTakenError("its client's JSON cannot be read") from None
    return loaded if isinstance(loaded, dict) else {}


def _lesions(episodes: Content) -> Iterator[tuple[LesionKey, Content]]:
    for episode, content in _items(episodes):
        for side, lesions in _items(content.get("LESION")):
            for number in lesions:
                yield (episode, side, number), _at(lesions, number)


def _case(client: str, center: str, key: LesionKey, episode: Content) -> Case:
    return Case(
        case_id=pseudonym(client, key[0], key[1] + key[2]),
        patient_id=pseudonym(client),
        center=center,
        label=_label(_at(episode, "BIOPSYWIDE", *key[1:]), _at(episode, "SURGERY", *key[1:])),
    )


def _at(content: Content, *names: str) -> Content:
    """Return what lies under the names, one below the other; empty where it is no JSON object."""
    for name in names:
        found = content.get(name)
        content = found if isinstance(found, dict) else {}
    return content


def _label(biopsy: Content, surgery: Content) -> str:
    """Return the class by the biopsy's MalignancyType; surgery can find what a needle missed."""
    kind = str(biopsy.get("MalignancyType") or "").strip().lower()
    invaded = bool(surgery.get("InvasiveComponents") or surgery.get("InvasiveType"))
    if kind == "c":
        raise NotTakenError("malignancy type not assessable")
    if kind == "a" and invaded:
        return "IDC"
    if kind not in _LABELS:
        raise NotTakenError("no malignancy type")
    return _LABELS[kind]


def _marks(ledger: Ledger, database: Path, images: Content) -> list[_Mark]:
    """Return every mark of a client, in the file's order; what is no mark is passed over."""
    source, client = ledger.relative(database), database.parent.name
    folder = f"{ledger.relative(database.parent.parent.parent)}/images/{client}"
    found = []
    for study, series in _items(images.get("STUDIES")):
        episode = str(series.get("EpisodeID") or "")
        for _, instances in _items(series):
            for image, marks in _items(instances):
                for number, mark in _items(marks):
                    place = Place(source, f"image {image}, mark {mark.get('MarkID', number)}")
                    path = f"{folder}/{study}/{image}.dcm".removeprefix("./")
                    found.append(_Mark(place, episode, path, mark))
    ledger.expect(*(mark.place for mark in found))
    return found


def _items(content: Any) -> list[tuple[str, Content]]:
    """Return the entries of a JSON object that are objects themselves; dates and ids are none."""
    entries = content.items() if isinstance(content, dict) else []
    return [(name, entry) for name, entry in entries if isinstance(entry, dict)]


def _take_marks(ledger: Ledger, client: _Client, marks: list[_Mark]) -> set[LesionKey]:
    """Take or leave every mark; return the lesions of which one was taken."""
    drawn: dict[tuple[LesionKey, str], list[_Mark]] = defaultdict(list)
    seen: dict[str, Header] = {}
    for mark in marks:
        with ledger.entry(mark.place):
            if mark.path not in seen:
                seen[mark.path] = headers.read(ledger.folder, mark.path)
            headers.refuse_special(seen[mark.path])
            key = _lesion_of(mark, seen[mark.path].side, client)
            suspicious = mark.content.get("SuspiciousCalcifications")
            if client.described[key] not in _CALCIFIED and not suspicious:
                raise NotTakenError("no suspicious calcification")
            drawn[key, mark.path].append(mark)
    pictured = set()
    for (key, path), together in drawn.items():
        own = {other: group for (lesion, other), group in drawn.items() if lesion == key}
        case = replace(client.cases[key], clinical=_clinical(client.described[key], own, seen))
        for mark in together:
            with ledger.entry(mark.place):
                image = _image(case, seen[path], together)
                ledger.take(mark.place, case, image)
                ledger.take(client.places[key], case, image)
                pictured.add(key)
    return pictured


def _lesion_of(mark: _Mark, side: str, client: _Client) -> LesionKey:
    """Return the lesion that a mark outlines, among those of its episode and breast."""
    linked = str(mark.content.get("LinkedNBSSLesionNumber") or "").split(",")
    keys = [(mark.episode, side, number.strip()) for number in linked if number.strip()]
    if not any(key in client.places for key in keys):
        raise NotTakenError("its mark is linked to no lesion")
    taken = [key for key in keys if key in client.cases]
    if not taken:
        raise NotTakenError("of no lesion that is taken")
    if len({client.cases[key].label for key in taken}) > 1:
        raise NotTakenError("its mark is linked to lesions of both classes")
    return taken[0]


def _clinical(
    described: str, drawn: dict[str, list[_Mark]], seen: dict[str, Header]
) -> dict[str, str]:
    """Return what a lesion's description, marks and images say of it."""
    marked = any(mark.content.get("Mass") for marks in drawn.values() for mark in marks)
    with_mass = described in _MASSES or marked
    return {
        "age": min((seen[path].age for path in drawn if seen[path].age), default=""),
        "lesion_type": "with mass" if with_mass else "calcification only",
    }


def _image(case: Case, header: Header, marks: list[_Mark]) -> Image:
    return Image(
        image_id=pseudonym(case.case_id, header.view, digest_bytes(header.path.encode())[:8]),
        path=header.path,
        view=header.view,
        laterality=header.side,
        box=roi_boxes.only([_box(mark.content) for mark in marks], header.shape),
        has_spacing=header.has_spacing,
    )


def _box(mark: Content) -> Box:
    try:
        return roi_boxes.around([(mark["X1"], mark["Y1"]), (mark["X2"], mark["Y2"])])
    except KeyError:
        raise NotTakenError("its mark has no box") from None


COLLECTION = Collection(
    name="omi-db",
    title="OMI-DB (OPTIMAM)",
    read=read,
    remarks=(
        "Terms: those of your own agreement with OPTIMAM, which names who may see the data.",
        "IDC stands for any invasive cancer (MalignancyType b, or found at surgery) and DCIS for "
        "cancer in situ alone (a).",
        "A center is one of the collection's screening sites.",
    ),
)
