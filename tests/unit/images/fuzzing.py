"""Mutated mammograms, and a process that decodes them one after another under watch.

Run as a program it decodes mutants first..last-1 and prints one line each, flushed, so that
whoever started it can tell from the last line which mutant killed it or made it hang.
"""

import io
import json
import random
import re
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
import tifffile
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import breast, dataset, row, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images import patches
from microcalc.images.formats import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.regions import from_file
from microcalc.images.roi import Roi

Mutation = Callable[[bytes, random.Random], bytes]


def seeds() -> list[bytes]:
    """Return one good file per syntax and format."""
    image = breast(120, 100)
    files = [
        to_bytes(dataset(image, syntax=syntax, BitsStored=12, WindowCenter=1500, WindowWidth=2000))
        for syntax in (
            uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian,
            uid.DeflatedExplicitVRLittleEndian,
        )
    ]  # fmt: skip
    for syntax, options in [
        (uid.RLELossless, {}),
        (uid.JPEGLSLossless, {}),
        (uid.JPEGLSNearLossless, {"jls_error": 2}),
        (uid.JPEG2000Lossless, {}),
        (uid.JPEG2000, {"j2k_cr": [10]}),
    ]:
        ds = dataset(image, BitsStored=12)
        ds.compress(syntax, generate_instance_uid=False, **options)
        files.append(to_bytes(ds))
    for name, syntax in [
        ("htj2k_lossless.j2c", uid.HTJ2KLossless),
        ("jpeg_lossless_1.jpg", uid.JPEGLosslessSV1),
        ("jpeg_lossless_6.jpg", uid.JPEGLossless),
        ("jpeg_extended.jpg", uid.JPEGExtended12Bit),
    ]:
        ds = dataset(picture(), BitsStored=12)
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([(HERE / name).read_bytes()])
        ds["PixelData"].is_undefined_length = True
        files.append(to_bytes(ds))
    eight = (image >> 4).astype(np.uint8)
    for save in (lambda b: Image.fromarray(image).save(b, "PNG"),
                 lambda b: tifffile.imwrite(b, image, compression="zlib"),
                 lambda b: Image.fromarray(eight).save(b, "JPEG"),
                 lambda b: Image.fromarray(eight).save(b, "PPM")):  # fmt: skip
        buffer = io.BytesIO()
        save(buffer)
        files.append(buffer.getvalue())
    files.append((HERE / "jpeg_extended_dcmtk.jpg").read_bytes())
    files.append(b"P2 100 120 4095\n" + b" ".join(b"%d" % v for v in image.ravel().tolist()))
    return files + volumes(image)


def volumes(image: np.ndarray) -> list[bytes]:
    """Return a NIfTI, NRRD and MetaImage file of an image, not compressed and compressed."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".nii", ".nii.gz", ".nrrd", ".mha"):
            path = Path(folder, "volume" + suffix)
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image), str(path))
            files.append(path.read_bytes())
        for suffix in (".nrrd", ".mha"):
            path = Path(folder, "packed" + suffix)
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image), str(path), useCompression=True)
            files.append(path.read_bytes())
    return files


def truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 4, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def flipped_header(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 10))):
        changed[chance.randrange(min(900, len(changed)))] = chance.randrange(256)
    return bytes(changed)


def wrong_length(data: bytes, chance: random.Random) -> bytes:
    """Overwrite two or four bytes by a number that is likely to be taken for a length."""
    at = chance.randrange(132, max(133, min(len(data) - 4, 1500)))
    number = chance.choice(
        (0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, chance.getrandbits(32))
    )
    return data[:at] + struct.pack("<I", number) + data[at + 4 :]


def absurd_size(data: bytes, chance: random.Random) -> bytes:
    """Claim absurd Rows, Columns, bits or frames in the header, in the stream or in both."""
    changed = bytearray(data)
    for tag in (b"\x28\x00\x10\x00", b"\x28\x00\x11\x00", b"\x28\x00\x00\x01", b"\x28\x00\x01\x01"):
        at = data.find(tag)
        if at > 0 and chance.random() < 0.6:
            value = chance.choice((0, 1, 7, 8, 16, 32, 255, 20000, 65535))
            changed[at + 8 : at + 10] = struct.pack("<H", value)
    stream = data.find(b"\xff\x4f\xff\x51")
    if stream > 0 and chance.random() < 0.7:
        changed[stream + 8 : stream + 16] = struct.pack(
            ">II", *(chance.getrandbits(31) for _ in "ab")
        )
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
        at = data.find(marker, 300)
        if at > 0 and chance.random() < 0.7:
            changed[at + 5 : at + 9] = struct.pack(">HH", *(chance.getrandbits(16) for _ in "ab"))
    at = data.find(b"IHDR")
    if at > 0:
        changed[at + 4 : at + 12] = struct.pack(">II", *(chance.getrandbits(30) for _ in "ab"))
        body = bytes(changed[at : at + 17])
        changed[at + 17 : at + 21] = struct.pack(">I", zlib.crc32(body))
    return bytes(changed)


def bomb(data: bytes, chance: random.Random) -> bytes:
    """A small file that unpacks to gigabytes, if one lets it."""
    if b"DICM" not in data[:132] or chance.random() < 0.5:
        small = dataset(np.zeros((64, 64), np.uint16), syntax=uid.DeflatedExplicitVRLittleEndian)
        small.PixelData = bytes(chance.choice((10, 300)) << 20)
        return to_bytes(small)
    wide = dataset(np.zeros((2, 2), np.uint16), Rows=60000, Columns=chance.choice((3000, 60000)))
    wide.file_meta.TransferSyntaxUID = chance.choice((uid.RLELossless, uid.JPEG2000Lossless))
    wide.PixelData = encapsulate([data[-2000:]])
    wide["PixelData"].is_undefined_length = True
    return to_bytes(wide)


def inserted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.choice((1, 2, 100))) + data[at:]


MUTATIONS: list[Mutation] = [
    truncated, flipped, flipped_header, flipped_header, wrong_length, absurd_size, inserted, bomb,
]  # fmt: skip


def mutant(files: list[bytes], number: int) -> tuple[str, bytes]:
    """Return the name of a mutation and the mutated file, the same for the same number."""
    chance = random.Random(number)
    mutation = MUTATIONS[number % len(MUTATIONS)]
    if mutation is bomb and number % (len(MUTATIONS) * 8) >= len(MUTATIONS):
        mutation = flipped  # bombs are slow to make
    data = mutation(files[(number // len(MUTATIONS)) % len(files)], chance)
    return mutation.__name__, data


def regions() -> list[bytes]:
    """Return one good ROI file per format."""
    drawn = np.zeros((120, 100), np.uint8)
    drawn[20:40, 30:60] = 1
    files = [to_bytes(dataset(drawn)), json.dumps(
        {"shapes": [{"label": "a", "points": [[1, 2], [3, 4], [9, 1]]}],
         "imageHeight": 120, "imageWidth": 100}
    ).encode()]  # fmt: skip
    for kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Image.fromarray(drawn * 255).save(buffer, kind)
        files.append(buffer.getvalue())
    files.append(
        b"<annotations><image name='a' width='100' height='120'>"
        b"<box label='a' xtl='30' ytl='20' xbr='60' ybr='40'/></image></annotations>"
    )
    files.append(b"0 0.45 0.25 0.3 0.1667\n1 0.3 0.2 0.6 0.2 0.5 0.4\n")
    return files + volumes(drawn)


def peak_mib():
    """Return the process's peak memory; ru_maxrss would count that of the process it came from."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)[1]) // 1024


def attempt(data: bytes, kind: str = "image") -> str:
    """Return how decoding and cutting a patch ended; anything but a StudyError propagates."""
    try:
        if kind == "region":
            from_file(data, image_id="a", shape=(120, 100))
            return "ok"
        mammogram = decode(data, ImageEntry("a", spacing_mm=0.1))
        box = Roi.from_row(row("a", x0=10, y0=20, x1=20, y1=30))
        patches.extract(mammogram, box, spacing_mm=0.1, patch_mm=6.4, thumbnail_px=64)
    except StudyError as error:
        return str(error)
    return "ok"


if __name__ == "__main__":
    kind = sys.argv[3]
    files = seeds() if kind == "image" else regions()
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        name, data = mutant(files, number)
        sys.stdout.write(json.dumps([number, name]) + "\n")
        sys.stdout.flush()
        # Processor time: other work on the machine is no hang, and the caller's time limit is real.
        start = time.process_time()
        try:
            outcome = attempt(data, kind)
        except BaseException as error:
            outcome = f"ESCAPED {type(error).__name__}: {error}"
        peak = peak_mib()
        line = json.dumps([number, name, outcome, time.process_time() - start, peak])
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
