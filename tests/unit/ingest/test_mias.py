"""mini-MIAS in miniature: lines as in its Info.txt, and films of its size with made-up tissue."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.unit.images.making import breast
from tests.unit.ingest.miniature import (
    Fates,
    Taken,
    cohort_of,
    config_of,
    fates,
    ingest,
    records,
)

from microcalc.core.errors import StudyError

PREAMBLE = """\
              MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY

1st column: MIAS database reference number.

"""


class Mias:
    """The list and the films."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.lines: list[str] = []

    def line(self, text: str, expected: Any, *, film: bool = True, side_px: int = 1024) -> None:
        """Add a line, what must become of it, and its film where that is not there yet."""
        self.lines.append(text)
        name = f"{text.split()[0]}.pgm"
        number = int(text[3:6])
        if film and not (self.folder / name).exists():
            wall = "right" if number % 2 else "left"
            stored = breast(side_px, side_px, seed=number, chest_wall=wall)
            self.folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((stored >> 4).astype(np.uint8)).save(self.folder / name)
        fate = expected
        if isinstance(expected, tuple):
            label, *box = expected
            fate = Taken(label, name, tuple(box))
        place = f"line {len(PREAMBLE.splitlines()) + len(self.lines)}"
        self.fates["Info.txt", place] = fate

    def write(self) -> Fates:
        text = PREAMBLE + "\n".join(self.lines) + "\n\n====\n"
        (self.folder / "Info.txt").write_text(text, encoding="latin-1")
        return self.fates


def build(folder: Path, ordinary: int = 2) -> Fates:
    made = Mias(folder)
    for i in range(ordinary):
        number = 101 + 2 * i
        made.line(f"mdb{number} G NORM", "no abnormality", film=False)
        severity, label = ("B", "benign") if i % 2 else ("M", "malignant")
        x, y = 100 + i % 7, 400 + i % 5
        box = (float(x - 40), float(1024 - y - 40), float(x + 40), float(1024 - y + 40))
        tissue = "FGD"[i % 3]
        made.line(f"mdb{number + 1} {tissue} CALC {severity} {x} {y} 40", (label, *box))
    # Origin lower left: row 1024 - 425 is the center's.
    made.line("mdb001 G CALC B 535 425 97", ("benign", 438.0, 502.0, 632.0, 696.0))
    made.line("mdb001 G CIRC B 535 425 197", "another abnormality than calcification")
    made.line("mdb002 D CALC M 100 524 40", ("malignant", 60.0, 460.0, 140.0, 540.0))
    made.line("mdb002 D CALC B 200 524 10", ("benign", 190.0, 490.0, 210.0, 510.0))
    # A circle that reaches beyond the film.
    made.line("mdb004 F CALC B 20 512 40", ("benign", 0.0, 472.0, 60.0, 552.0))
    spread = "its calcifications are spread over the film; no place is given"
    made.line("mdb006 D CALC M *NOTE 3* ", spread)
    made.line("mdb008 F CALC B", spread)
    made.line("mdb010 F CALC", "neither benign nor malignant")
    made.line("mdb012 X CALC B 1 2 3", "its line cannot be read")
    made.line("mdb014 F CALC B 500 500 9", "its image is not under the source folder", film=False)
    made.line("mdb016 F CALC B 1500 500 9", "its region has no area")
    other = "its film is not of 1024 x 1024 pixels, which the places count in"
    made.line("mdb018 F CALC B 500 500 9", other, side_px=800)
    made.line("mdb020 F CALC B 500 500 9", "its film is no PGM file", film=False)
    (folder / "mdb020.pgm").write_bytes(b"GIF89a")
    return made.write()


def test_every_line_has_its_fate(tmp_path: Path) -> None:
    expected = build(tmp_path, 3)
    assert fates(records("mias", tmp_path)) == expected


@pytest.mark.parametrize(
    ("circle", "box"),
    [
        ("20 1000 40", (0.0, 0.0, 60.0, 64.0)),
        ("1010 10 20", (990.0, 994.0, 1024.0, 1024.0)),
        ("500 0 4", (496.0, 1020.0, 504.0, 1024.0)),
    ],
)
def test_a_circle_is_cut_at_the_films_edge(tmp_path: Path, circle: str, box: Any) -> None:
    made = Mias(tmp_path)
    made.line(f"mdb002 F CALC B {circle}", ("benign", *box))
    assert made.write() == fates(records("mias", tmp_path))


def test_sides_patients_and_spacing(tmp_path: Path) -> None:
    build(tmp_path / "source", 0)
    ingest("mias", tmp_path / "source", tmp_path / "study")
    images = pd.read_csv(tmp_path / "study" / "images.csv", dtype=str).set_index("image_id")
    cases = pd.read_csv(tmp_path / "study" / "cases.csv", dtype=str).set_index("case_id")
    assert images["laterality"].to_dict() == {
        "mdb001_1": "R", "mdb002_1": "L", "mdb002_2": "L", "mdb004_1": "L",
    }  # fmt: skip
    # A film with two clusters has two cases; films of a pair are of one patient.
    assert cases["patient_id"].to_dict() == {
        "mdb001_1": "pair001", "mdb002_1": "pair001", "mdb002_2": "pair001", "mdb004_1": "pair002",
    }  # fmt: skip
    assert set(images["view"]) == {"MLO"}
    assert set(images["spacing_mm"]) == {"0.2"}
    assert cases["background_tissue"].to_dict()["mdb002_1"] == "dense-glandular"
    text = (tmp_path / "study" / "summary.md").read_text()
    assert "4 images carry no pixel spacing; 0.2 mm is what the collection's documentation" in text
    assert "The label of mini-MIAS is benign or malignant" in text


def test_a_spacing_of_the_users_own_is_taken(tmp_path: Path) -> None:
    build(tmp_path / "source", 0)
    ingest("mias", tmp_path / "source", tmp_path / "study", "0.21")
    images = pd.read_csv(tmp_path / "study" / "images.csv", dtype=str)
    assert set(images["spacing_mm"]) == {"0.21"}


def test_the_study_accepts_it(tmp_path: Path) -> None:
    build(tmp_path / "source", 30)
    ingest("mias", tmp_path / "source", tmp_path / "study")
    config = config_of(tmp_path / "study")
    assert config.images.spacing_mm == 0.2
    assert config.images.patch_mm == 44.8
    assert config.labels.negative == "benign"
    assert config.labels.surrogate
    assert list(config.clinical) == ["background_tissue"]
    cohort = cohort_of(config)
    assert len(cohort.cases) == 34


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no Info\.txt of mini-MIAS"):
        records("mias", tmp_path)
