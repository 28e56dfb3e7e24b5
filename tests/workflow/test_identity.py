"""Names, numbers and dates of DICOM headers and pixels reach nothing that a study writes."""

import base64
import io
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from microcalc.images.shard_file import read
from tests.workflow import burned_in
from tests.workflow.tiny import Study, lay_out

MARKS = (
    "ZAUBERFLOTE", "QUITTENBAUM", "MRN8675309X", "19471231", "ACC5551212X", "DRWOLKENSTEIN",
    "NARRENTURMSPITAL", "PRIVATMARKE77", "KOMMENTARMARKE", "PFADMARKE42",
)  # fmt: skip
THUMBNAIL_PX = 384
SHEET_PX = 237  # a whole image's side on the gallery's sheets
SEEN = 0.75
DATA_URI = re.compile(rb"data:[\w/+.-]+;base64,([A-Za-z0-9+/=\s]+)")
PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)
PDF_TEXT = re.compile(rb"\(([^)]*)\)")
PNG_TEXT = re.compile(rb"(?:zTXt|iTXt)(.{0,200})", re.S)


def name_the_patient(path: Path) -> None:
    """Fill a file with an invented person, wherever hospitals write one."""
    dataset = pydicom.dcmread(path)
    dataset.PatientName = "ZAUBERFLOTE^QUITTENBAUM"
    dataset.PatientID = "MRN8675309X"
    dataset.OtherPatientIDs = "MRN8675309X"
    dataset.PatientBirthDate = "19471231"
    dataset.AccessionNumber = "ACC5551212X"
    dataset.ReferringPhysicianName = "DRWOLKENSTEIN"
    dataset.InstitutionName = "NARRENTURMSPITAL"
    dataset.ImageComments = "KOMMENTARMARKE"
    dataset.SeriesDescription = "KOMMENTARMARKE"
    dataset.BurnedInAnnotation = "YES"
    block = dataset.private_block(0x0011, "QUITTENBAUM", create=True)
    block.add_new(0x01, "LO", "PRIVATMARKE77")
    item = Dataset()
    item.PatientID = "MRN8675309X"
    dataset.OtherPatientIDsSequence = [item]
    burned_in.burn(dataset)
    dataset.save_as(path)


def hidden_in(data: bytes) -> Iterator[bytes]:
    """Yield a file's bytes and all that is compressed, archived or encoded inside them."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield "\n".join(archive.namelist()).encode()
            for name in archive.namelist():
                yield from hidden_in(archive.read(name))
    for found in DATA_URI.findall(data):
        yield from hidden_in(base64.b64decode(found))
    if data.startswith(b"%PDF"):
        for stream in PDF_STREAM.findall(data):
            yield inflated(stream)
            # Kerning cuts words into pieces.
            yield b"".join(PDF_TEXT.findall(inflated(stream)))
    if data.startswith(b"\x89PNG"):
        for chunk in PNG_TEXT.findall(data):
            yield inflated(chunk[chunk.find(b"\x78") :])
    if data.startswith(b"PAR1"):
        yield pd.read_parquet(io.BytesIO(data)).to_csv().encode()
    if data.startswith(b"\x1f\x8b"):
        yield zlib.decompress(data, wbits=31)


def inflated(stream: bytes) -> bytes:
    """Return what a zlib stream holds; a stream of another kind is its own content."""
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return stream


def places(folder: Path, marks: tuple[str, ...]) -> list[str]:
    """Return where any of `marks` stands in the folder: in a name or in a file."""
    spelled = [mark.lower().encode() for mark in marks]
    encoded = [base64.b64encode(mark.encode())[:-4] for mark in marks]
    found = []
    for path in sorted(folder.rglob("*")):
        texts = [str(path.relative_to(folder)).encode()]
        if path.is_file():
            texts += list(hidden_in(path.read_bytes()))
        if any(mark in text.lower() for text in texts for mark in spelled) or any(
            mark in text for text in texts for mark in encoded
        ):
            found.append(str(path.relative_to(folder)))
    return found


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", "MRN8675309X")
    page = b"<img src='data:image/png;base64," + base64.b64encode(b"..ACC5551212X..") + b"'>"
    (tmp_path / "b.html").write_bytes(page)
    (tmp_path / "c.pdf").write_bytes(
        b"%PDF stream\n" + zlib.compress(b"[ (quit) 20 (tenbaum) ] TJ") + b"endstream"
    )
    pd.DataFrame({"x": ["DRWOLKENSTEIN"]}).to_parquet(tmp_path / "d.parquet")
    (tmp_path / "clean.txt").write_text("P001")
    assert places(tmp_path, MARKS) == ["a.npz", "b.html", "c.pdf", "d.parquet"]


def pictures(study: Study) -> Iterator[tuple[str, np.ndarray, float]]:
    """Yield every picture that a study keeps of its images, and the text's scale in it."""
    qc = pd.read_csv(study.results / "images" / "qc.csv").set_index("image_id")
    pixel_mm = study.config["images"]["spacing_mm"]
    for path in sorted((study.results / "images").glob("shard-*.npz")):
        shard = read(path)
        for i, image_id in enumerate(shard.image_id):
            image = qc.loc[image_id]
            yield f"thumbnail of {image_id}", shard.thumbnail[i], THUMBNAIL_PX / image["rows"]
            yield f"patch of {image_id}", shard.picture[i], image["spacing_row_mm"] / pixel_mm
    for path in sorted((study.results / "figures").glob("gallery-*.png")):
        yield path.name, np.asarray(Image.open(path).convert("L")), SHEET_PX / qc["rows"].max()


def test_burned_in_text_would_be_found(tmp_path: Path) -> None:
    text = burned_in.written() * 255
    whole = np.zeros((753, 565), np.uint8)
    whole[-text.shape[0] :, : text.shape[1]] = text
    for side in (SHEET_PX, THUMBNAIL_PX):
        small = Image.fromarray(whole).resize((side * 565 // 753, side), Image.Resampling.BILINEAR)
        assert burned_in.likeness(np.asarray(small), side / 753) > SEEN
        assert burned_in.likeness(np.asarray(small)[:, ::-1], side / 753) > SEEN


@pytest.mark.slow
def test_nobody_named_in_a_header_is_named_anywhere(tmp_path: Path) -> None:
    study = lay_out(tmp_path / "study")
    study.snakemake("--until", "simulate_shard")
    images = pd.read_csv(study.folder / "images.csv", dtype=str)
    for number, name in enumerate(images.path):
        old = study.dicom / name
        new = old.with_name(f"PFADMARKE42_{number}.dcm")
        old.rename(new)
        name_the_patient(new)
        images.loc[number, "path"] = new.relative_to(study.dicom).as_posix()
    images.to_csv(study.folder / "images.csv", index=False)
    study.dicom.rename(tmp_path / "archive")
    shutil.rmtree(study.results / "simulate")
    (study.folder / "images.csv").rename(tmp_path / "images.csv")

    def point(config: dict) -> None:
        config.pop("simulate")
        config["cohort"] |= {
            "image_folder": str(tmp_path / "archive"),
            "images": str(tmp_path / "images.csv"),
        }
        config["images"]["thumbnail_px"] = THUMBNAIL_PX

    study.configure(point)
    done = study.snakemake()
    study.snakemake("--report", "appendix.html")
    assert places(study.folder, MARKS) == []
    said = (done.stdout + done.stderr).lower()
    assert not [mark for mark in MARKS if mark.lower() in said]
    qc = pd.read_csv(study.results / "images" / "qc.csv")
    assert qc["flags"].str.contains("burned", case=False).all()
    shown = {name: burned_in.likeness(picture, scale) for name, picture, scale in pictures(study)}
    assert len(shown) == 2 * len(images) + study.config["images"]["shards"]
    assert [name for name, likeness in shown.items() if likeness > SEEN] == []
