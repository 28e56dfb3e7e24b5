"""The real tables of public collections, with a tiny file laid out for every image they name.

`python -m tests.unit.ingest.whole_tables cbis-ddsm TABLE`
`python -m tests.unit.ingest.whole_tables cmmd WORKBOOK SERIES`

prints what the adapters make of them. No image of a collection is needed.
"""

import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset
from tests.unit.images.making import dicom

from microcalc.ingest import registry
from microcalc.ingest.outcome import Outcome
from microcalc.ingest.write import write

SCAN = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)
VIEWS = {"CC": "cranio-caudal", "MLO": "medio-lateral oblique"}


def put(path: Path, pixels: np.ndarray, **attributes: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dicom(pixels, **attributes))


def lay_out_cbis_ddsm(folder: Path, table: Path) -> None:
    """Write a scan, a mask and a crop for every row."""
    shutil.copy(table, folder / "calc_case_description_train_set.csv")
    mask = np.zeros(SCAN.shape, np.uint8)
    mask[10:20, 5:15] = 255
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        scan = folder / "CBIS-DDSM" / row["image file path"].split("/")[0]
        region = folder / "CBIS-DDSM" / row["ROI mask file path"].split("/")[0]
        put(scan / "1" / "1" / "1-1.dcm", SCAN, ImagerPixelSpacing=None, SOPInstanceUID=f"1.2.{i}")
        put(region / "1" / "1" / f"1-{1 + i % 2}.dcm", SCAN[:10, :10])
        put(region / "1" / "1" / f"1-{2 - i % 2}.dcm", mask)


def lay_out_cmmd(folder: Path, workbook: Path, series: Path) -> None:
    """Write every image of the table of series, and an annotation for every breast not a mass."""
    shutil.copy(workbook, folder / "CMMD_clinicaldata_revision.xlsx")
    shutil.copy(series, folder / "metadata.csv")
    breasts = pd.read_excel(workbook, dtype=str, keep_default_na=False)
    sides = breasts.groupby("ID1")["LeftRight"].agg("".join)
    with open(series, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        patient = row["Subject ID"]
        where = folder.joinpath(*row["File Location"].removeprefix(".\\").split("\\"))
        imaged = "LR" if row["Number of Images"] == "4" else sides[patient][0]
        for side in imaged:
            for view, meaning in VIEWS.items():
                code = Dataset()
                code.CodeMeaning = meaning
                put(
                    where / f"{side}{view}.dcm",
                    SCAN if patient == "D1-1343" else SCAN.astype(np.uint8),
                    PatientID=patient,
                    ImageLaterality=side,
                    ViewPosition="",
                    ViewCodeSequence=[code],
                )
    outline = [{"cgPoints": [{"x": 3, "y": 4}, {"x": 20, "y": 30}], "label": "calc "}]
    for breast in breasts[breasts["abnormality"] != "mass"].itertuples():
        name = f"{breast.ID1}_MLO_{breast.LeftRight}_AnnotationFile.json"
        (folder / name).write_text(json.dumps(outline))


LAY_OUT = {"cbis-ddsm": lay_out_cbis_ddsm, "cmmd": lay_out_cmmd}


def main(name: str, *tables: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "study")
        source.mkdir()
        LAY_OUT[name](source, *map(Path, tables))
        collection = registry.COLLECTIONS[name]
        write(Outcome(collection, registry.account(collection, source)), target, source=source)
        sys.stdout.write((target / "summary.md").read_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
