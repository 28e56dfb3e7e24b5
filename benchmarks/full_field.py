"""A full-field mammogram of each transfer syntax to its patch, against the fastest bare decoder.

`python benchmarks/run.py full_field` prints the rows; `make bench` calls them too. Both sides start
from a file. Ours ends with patches in a shard, the other with pixels in memory, by whichever of
the libraries installed here takes least. Times are user time on one thread, that of the
process which decodes included. An uncompressed file is copied rather than decoded, which the
system does a large part of, so that its time is shown too.
"""

import csv
import hashlib
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg
import pydicom
import rle.utils
import timing
import xxhash
from pydicom import FileDataset, uid
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder

from microcalc.config.image_settings import ImageSettings
from microcalc.images import decoders, shards
from microcalc.simulate import phantom_dicom, scanner
from microcalc.simulate.phantom import Phantom

PHANTOMS = Path(__file__).parents[1] / "workflow" / "demo" / "phantoms.csv"
SEED = 2025
SIZES = ((3328, 2560), (4096, 3328))
SPACING_MM = 0.07
SETTINGS = ImageSettings.of(
    {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256, "cache": False}
)
MOST_TURNS, LEAST_IMAGES = 7, 3
TURNS_S = 8.0
# Kernels tell user and system time apart by a sample every few milliseconds.
SIDE_S = 0.5

Image = Callable[[], Any]
# What pydicom's plugins call, without the copies that pydicom makes, and what gives bytes.
DIRECT: dict[str, Callable[[bytes, int, int], Any]] = {
    "pylibjpeg-rle": lambda stream, rows, columns: rle.utils.decode_pixel_data(
        stream, version=2, rows=rows, columns=columns, bits_allocated=16
    ),
    "imagecodecs.dicomrle": lambda stream, *_: imagecodecs.dicomrle_decode(stream, dtype="<u2"),
    "pyjpegls": lambda stream, *_: jpeg_ls.decode_pixel_data(stream)[0],
    "pylibjpeg-openjpeg": lambda stream, *_: openjpeg.decode_pixel_data(stream, version=2),
}


@dataclass(frozen=True)
class Kind:
    """A transfer syntax, the goal for it, and what reads its streams besides pydicom."""

    name: str
    syntax: uid.UID
    goal: float | None
    codecs: tuple[str, ...] = ()


KINDS = (
    Kind("uncompressed", uid.ExplicitVRLittleEndian, 4.5),
    Kind("RLE", uid.RLELossless, 1.5, ("pylibjpeg-rle", "imagecodecs.dicomrle")),
    Kind("JPEG Lossless", uid.JPEGLosslessSV1, 1.25, ("jpeg8", "ljpeg", "jpegsof3")),
    Kind("JPEG-LS", uid.JPEGLSLossless, 1.25, ("pyjpegls", "jpegls")),
    Kind("JPEG 2000", uid.JPEG2000Lossless, 1.1, ("pylibjpeg-openjpeg", "jpeg2k")),
    Kind("HTJ2K", uid.HTJ2KLossless, None, ("pylibjpeg-openjpeg", "jpeg2k", "htj2k")),
)


def rows() -> Iterator[dict[str, str]]:
    """Yield the cost of a patch in bare decodings, for each size and syntax."""
    for size in SIZES:
        phantom = full_field(size)
        exposure = scanner.expose(phantom, seed=SEED)
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "image.dcm")
                plain = phantom_dicom.build(phantom, exposure, seed=SEED)
                compressed = _compressed(plain, exposure.pixels, kind.syntax)
                path.write_bytes(phantom_dicom.encode(compressed))
                yield from _rows(kind, path, _table_row(phantom), exposure.pixels)
                if size == SIZES[0] and kind.syntax.is_encapsulated:
                    yield _decoding(kind, path)
                elif size == SIZES[0]:
                    yield from _digests(path)


def full_field(size: tuple[int, int]) -> Phantom:
    """Return a phantom of the demo, enlarged to fill a detector of so many rows and columns."""
    with open(PHANTOMS, encoding="utf-8") as file:
        row = next(r for r in csv.DictReader(file) if r["center"] == "A" and r["view"] == "MLO")
    small = Phantom.from_row(row)
    tall, wide = (n * SPACING_MM for n in size)
    down, across = tall / small.field_height_mm, wide / small.field_width_mm
    scanner.SCANNERS["F"] = replace(scanner.SCANNERS["A"], spacing_mm=SPACING_MM, compressed=False)
    return replace(
        small,
        center="F",
        field_height_mm=tall,
        field_width_mm=wide,
        breast_width_mm=small.breast_width_mm * across,
        pectoral_width_mm=small.pectoral_width_mm * across,
        pectoral_height_mm=small.pectoral_height_mm * down,
        lesion_x_mm=small.lesion_x_mm * across,
        lesion_y_mm=small.lesion_y_mm * down,
    )


def _compressed(dataset: FileDataset, pixels: np.ndarray, syntax: uid.UID) -> FileDataset:
    encoders: dict[uid.UID, Callable[[], bytes]] = {
        uid.JPEGLosslessSV1: lambda: phantom_dicom.jpeg_lossless(pixels, bits=12),
        uid.HTJ2KLossless: lambda: bytes(imagecodecs.htj2k_encode(pixels, reversible=True)),
    }
    if syntax in encoders:
        dataset.PixelData = encapsulate([encoders[syntax]()])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
    elif syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def _table_row(phantom: Phantom) -> dict[str, str]:
    """Return the row of the images table, its box around the lesion."""
    x, y = phantom.lesion_x_mm / SPACING_MM, phantom.lesion_y_mm / SPACING_MM
    half = 7.0 / SPACING_MM
    box = {"x0": x - half, "y0": y - half, "x1": x + half, "y1": y + half}
    return {
        **{name: getattr(phantom, name) for name in ("case_id", "patient_id", "view")},
        **{name: f"{value:.0f}" for name, value in box.items()},
        "laterality": phantom.laterality,
    }


def _rows(
    kind: Kind, path: Path, table_row: dict[str, str], pixels: np.ndarray
) -> Iterator[dict[str, str]]:
    bare = {name: make for name, make in _bare(kind, path).items() if _reads(make, pixels)}
    once = {name: _once(make) for name, make in bare.items()}
    fastest = min(once, key=lambda name: once[name])
    images = max(LEAST_IMAGES, ceil(SIDE_S / once[fastest]))
    rows = [{**table_row, "image_id": f"I{i:04d}", "path": path.name} for i in range(images)]

    def patches() -> None:
        shard = path.with_name("shard.npz")
        shards.update(shard, rows, settings=SETTINGS, image_folder=path.parent, digest="")
        # A child is counted once it has ended.
        decoders.stop()

    def pixels_alone() -> None:
        for _ in rows:
            bare[fastest]()

    sides, what = [patches, pixels_alone], f"patch of a file, {kind.name}, {_size(pixels)}"
    turns = _turns(sides, _user)
    ratio = timing.ratio(turns, 0, 1)
    yield {
        "what": what,
        "against": fastest,
        "goal": f"at most {kind.goal} times the time" if kind.goal else "",
        "met": timing.verdict(ratio <= kind.goal) if kind.goal else "",
        "ratio": f"{ratio:.2f} times the time",
        "absolute": f"{_milliseconds(turns, images)} of user time",
    }
    if not kind.syntax.is_encapsulated:
        turns = _turns(sides, _spent)
        yield {
            "what": what,
            "against": fastest,
            "ratio": f"{timing.ratio(turns, 0, 1):.2f} times the time",
            "absolute": f"{_milliseconds(turns, images)}, the system's time included",
        }


def _decoding(kind: Kind, path: Path) -> dict[str, str]:
    """Return what a study's decoder takes against the one that pydicom takes by itself."""
    dataset = pydicom.dcmread(path)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    described = {
        "rows": dataset.Rows, "columns": dataset.Columns, "bits_allocated": dataset.BitsAllocated,
        "bits_stored": dataset.BitsStored, "pixel_representation": dataset.PixelRepresentation,
        "photometric_interpretation": dataset.PhotometricInterpretation,
    }  # fmt: skip
    theirs = get_decoder(kind.syntax)

    def ours() -> None:
        for _ in range(LEAST_IMAGES):
            decoders.decode(frame, syntax=kind.syntax, **described)
        decoders.stop()

    def first() -> None:
        for _ in range(LEAST_IMAGES):
            theirs.as_array(dataset, index=0, raw=True)

    turns = _turns([ours, first], _user)
    return {
        "what": f"decoding alone, {kind.name}, {dataset.Rows} × {dataset.Columns}",
        "against": "what pydicom chooses",
        "ratio": f"{timing.ratio(turns, 0, 1):.2f} times the time",
        "absolute": f"{_milliseconds(turns, LEAST_IMAGES)} of user time",
    }


def _digests(path: Path) -> Iterator[dict[str, str]]:
    """Yield what it takes to know a file again, against digests of the standard library."""
    data = path.read_bytes()
    rivals: dict[str, Callable[[bytes], object]] = {
        "SHA-256": lambda data: hashlib.sha256(data).digest(),
        "BLAKE2b": lambda data: hashlib.blake2b(data).digest(),
    }

    def repeated(digest: Callable[[bytes], object]) -> Callable[[], None]:
        def work() -> None:
            for _ in range(30):
                digest(data)

        return work

    for name, digest in rivals.items():
        turns = _turns([repeated(xxhash.xxh3_128_digest), repeated(digest)], _user)
        ours, theirs = (1000 * seconds / 30 for seconds in timing.medians(turns))
        yield {
            "what": f"XXH3 of a file of {len(data) / 1e6:.0f} MB",
            "against": name,
            "ratio": f"{timing.ratio(turns, 0, 1):.2f} times the time",
            "absolute": f"{ours:.1f} against {theirs:.1f} ms of user time",
        }


def _turns(
    sides: Sequence[Callable[[], object]], clock: Callable[[], float]
) -> list[tuple[float, ...]]:
    return timing.turns_within(TURNS_S, sides, most=MOST_TURNS, clock=clock)


def _size(pixels: np.ndarray) -> str:
    return " × ".join(map(str, pixels.shape))


def _milliseconds(turns: Sequence[Sequence[float]], images: int) -> str:
    ours, theirs = (1000 * seconds / images for seconds in timing.medians(turns))
    return f"{ours:.0f} against {theirs:.{0 if theirs > 10 else 1}f} ms"


def _once(make: Image) -> float:
    """Return the processor time that a decoder takes, as far as a tenth of a second tells."""
    start, made = _spent(), 0
    while made < 1 or _spent() - start < 0.1:
        make()
        made += 1
    return (_spent() - start) / made


def _bare(kind: Kind, path: Path) -> dict[str, Image]:
    """Return what turns the file into pixels, by name."""
    if not kind.syntax.is_encapsulated:
        return {"pydicom's pixel_array": lambda: pydicom.dcmread(path).pixel_array}

    def by_plugin(name: str) -> Image:
        def make() -> Any:
            decoder, dataset = get_decoder(kind.syntax), pydicom.dcmread(path)
            return decoder.as_array(dataset, index=0, raw=True, decoding_plugin=name)[0]

        return make

    def by_codec(name: str) -> Image:
        def make() -> Any:
            dataset = pydicom.dcmread(path)
            stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
            if name not in DIRECT:
                return getattr(imagecodecs, f"{name}_decode")(stream)
            cells = DIRECT[name](stream, dataset.Rows, dataset.Columns)
            return np.frombuffer(cells, "<u2").reshape(dataset.Rows, dataset.Columns)

        return make

    plugins = {
        f"pydicom with {n}": by_plugin(n) for n in get_decoder(kind.syntax).available_plugins
    }
    codecs = {n if n in DIRECT else f"imagecodecs.{n}": by_codec(n) for n in kind.codecs}
    return plugins | codecs


def _reads(make: Image, pixels: np.ndarray) -> bool:
    """Say whether a decoder gives the pixels that were encoded; a wrong one is no rival."""
    return np.array_equal(np.asarray(make()), pixels)


def _user() -> float:
    """Return the user time of this process and of those that it started and that have ended."""
    return sum(one.ru_utime for one in _used())


def _spent() -> float:
    """Return the same with the time that the system spent on them."""
    return sum(one.ru_utime + one.ru_stime for one in _used())


def _used() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


if __name__ == "__main__":
    for row in rows():
        print("; ".join(row.values()), flush=True)
