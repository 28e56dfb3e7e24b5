"""OMI-DB in miniature: JSON per client, marks linked to lesions, biopsies and operations."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ingest.miniature import BOXES, Fates, Taken, accepted, fates, mammogram, records

from microcalc.core.errors import StudyError

NAME = "omi-db"
NO_MARK = "no mark of it can be used"


class Client:
    """One client's JSON and images, and what must become of each lesion and mark."""

    def __init__(self, folder: Path, name: str, fates: Fates, site: str = "adde") -> None:
        self.folder, self.name, self.fates = folder, name, fates
        self.nbss: dict[str, Any] = {"ClientID": name}
        self.imagedb: dict[str, Any] = {"ClientID": name, "Site": site, "STUDIES": {}}
        self.images = 0

    def lesion(self, expected: Any, number: str = "1", **said: Any) -> None:
        """Add a lesion of the left breast in episode 7."""
        episode = self.nbss.setdefault(
            "7",
            {"EpisodeIsClosed": "Y", "LESION": {"L": {}}, "BIOPSYWIDE": {"L": {}, "Opinion": None}},
        )
        described = said.get("description", "Calcification only")
        episode["LESION"]["L"][number] = {"LesionDescription": described, "LesionNotes": None}
        kind = said.get("kind", "a")
        episode["BIOPSYWIDE"]["L"][number] = {"MalignancyType": kind, "Opinion": "B5"}
        if "surgery" in said:
            episode.setdefault("SURGERY", {"L": {}})["L"][number] = said["surgery"]
        self.fates[self.file("nbss"), f"episode 7, lesion L{number}"] = expected

    def file(self, kind: str) -> str:
        return f"data/{self.name}/{kind}_{self.name}.json"

    def image(self, *marks: tuple[Any, dict[str, Any]], **attributes: Any) -> str:
        """Add an image with marks; each comes with its fate, None for being taken."""
        self.images += 1
        seed = 1000 * int(self.name.removeprefix("optm")) + self.images
        study, image = f"1.2.{seed}", f"1.3.{seed}"
        path = f"images/{self.name}/{study}/{image}.dcm"
        label = attributes.pop("label", "DCIS")
        if attributes.pop("there", True):
            chosen = {"PatientAge": f"0{50 + seed % 20}Y"} | attributes
            mammogram(self.folder / path, seed=seed, positive=label == "IDC", **chosen)
        corners = dict(zip(("X1", "Y1", "X2", "Y2"), map(int, BOXES["L"]), strict=True))
        content = {}
        for i, (expected, said) in enumerate(marks):
            linked = {"LinkedNBSSLesionNumber": "1", "SuspiciousCalcifications": 1}
            mark = {"MarkID": 10 * seed + i, "LesionID": 5, **linked, **corners, **said}
            of_label = mark.pop("label", label)
            box = tuple(mark[corner] for corner in corners)
            content[f"m{i}"] = {name: str(value) for name, value in mark.items() if value}
            place = self.file("imagedb"), f"image {image}, mark {10 * seed + i}"
            self.fates[place] = Taken(of_label, path, box) if expected is None else expected
        series = {image: content, "SeriesDate": "2012-01-01"}
        known = {"EpisodeID": "7", "StudyDate": "2012-01-01", f"1.1.{seed}": series}
        self.imagedb["STUDIES"][study] = known
        return path

    def write(self) -> None:
        for kind, content in (("nbss", self.nbss), ("imagedb", self.imagedb)):
            path = self.folder / self.file(kind)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))


def build(folder: Path, ordinary: int = 2) -> Fates:
    """Lay out `ordinary` clients with a lesion in two views, at two sites, and the traps."""
    expected = Fates()
    number = 100

    def client(site: str = "adde") -> Client:
        nonlocal number
        number += 1
        return Client(folder, f"optm{number}", expected, site)

    for i in range(ordinary):
        label = "IDC" if i % 2 else "DCIS"
        one = client("jarv" if i % 3 == 2 else "adde")
        path = one.image((None, {}), label=label, ViewPosition="CC")
        one.image((None, {}), label=label, ViewPosition="MLO")
        described = "Mass with calcification" if i % 5 == 0 else "CA"
        taken = Taken(label, path, BOXES["L"])
        one.lesion(taken, kind="b" if i % 2 else "a", description=described)
        one.write()

    one = client()
    one.lesion("malignancy type not assessable", kind="c")
    one.image(("of no lesion that is taken", {}))
    one.write()

    one = client()
    one.lesion("no malignancy type", kind=None)
    one.image(("of no lesion that is taken", {}))
    one.write()

    # What the needle missed, surgery found.
    one = client()
    path = one.image((None, {}), label="IDC")
    upgraded = {"InvasiveComponents": "IDC", "InSituComponents": "NID"}
    one.lesion(Taken("IDC", path, BOXES["L"]), kind="a", surgery=upgraded)
    one.write()

    one = client()
    one.lesion(NO_MARK, description="Mass")
    one.image(("no suspicious calcification", {"SuspiciousCalcifications": None, "Mass": 1}))
    one.image(("magnification view", {}), ViewCodeSequence=[magnified()])
    one.image(("a view other than CC and MLO", {}), ViewPosition="ML")
    one.image(("its image is not under the source folder", {}), there=False)
    one.image(("its mark is linked to no lesion", {"LinkedNBSSLesionNumber": None}))
    one.image(("its mark is linked to no lesion", {"LinkedNBSSLesionNumber": "9"}))
    one.image(("its mark has no box", {"X2": None}))
    far = {"X1": 5, "Y1": 5, "X2": 9, "Y2": 9}
    apart = "several regions lie apart; nothing says which one the label is about"
    one.image((apart, {}), (apart, far))
    # Empty entries, as both files have them.
    one.imagedb["STUDIES"]["1.2.0"] = None
    one.nbss["8"] = {"LESION": None}
    one.nbss["9"] = {"LESION": {"L": {"1": None}, "R": None}, "BIOPSYWIDE": None}
    expected[one.file("nbss"), "episode 9, lesion L1"] = "no malignancy type"
    one.write()

    # Two lesions in one image, each with its mark; a third mark links to both.
    one = client()
    beside = (70, 90, 85, 105)
    second = dict(zip(("X1", "Y1", "X2", "Y2"), beside, strict=True))
    second |= {"LinkedNBSSLesionNumber": "2", "label": "IDC"}
    both = "its mark is linked to lesions of both classes"
    path = one.image((None, {}), (None, second))
    one.image((both, {"LinkedNBSSLesionNumber": "1,2"}))
    one.lesion(Taken("DCIS", path, BOXES["L"]))
    one.lesion(Taken("IDC", path, beside), "2", kind="b", description="Mass")
    one.write()

    one = client()
    one.image()
    one.write()
    (folder / one.file("nbss")).unlink()
    expected[one.file("imagedb"), ""] = "its client has no NBSS record"
    return expected


def magnified() -> Any:
    from pydicom.dataset import Dataset

    modifier, code = Dataset(), Dataset()
    modifier.CodeValue = "399163009"
    code.CodeMeaning = "cranio-caudal"
    code.ViewModifierCodeSequence = [modifier]
    return code


def test_every_lesion_and_mark_has_its_fate(tmp_path: Path) -> None:
    expected = build(tmp_path, ordinary=3)
    assert fates(records(NAME, tmp_path)) == expected


def test_the_study_accepts_what_is_written(tmp_path: Path) -> None:
    config, cohort = accepted(NAME, build, tmp_path, ordinary=6)
    assert config.labels.surrogate == ""
    assert config.cohort.development_centers == ("adde",)
    assert {case["center"] for case in cohort.cases} == {"adde", "jarv"}
    assert {case["lesion_type"] for case in cohort.cases} == {"calcification only", "with mass"}


def test_the_folder_of_the_json_alone_is_not_enough(tmp_path: Path) -> None:
    build(tmp_path)
    with pytest.raises(StudyError, match="name the folder that holds data and images"):
        records(NAME, tmp_path / "data")


def test_the_database_may_lie_deeper_and_in_capitals(tmp_path: Path) -> None:
    build(tmp_path / "data" / "image_db" / "sharing")
    root = tmp_path / "data" / "image_db" / "sharing" / "data"
    for path in root.rglob("nbss_*.json"):
        path.rename(path.with_name(path.name.replace("nbss", "NBSS")))
    assert sum(record.image is not None for record in records(NAME, tmp_path / "data")) > 4
