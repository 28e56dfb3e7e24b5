"""What files do whose compressed pixel data have damaged headers: nothing but exclude one image.

Each replicate takes a good mammogram of the cell's transfer syntax and damages its stream from the
first byte to the first coded data: bytes overwritten, bits flipped, lengths and sizes made absurd,
pieces left out, put in, or exchanged. `decode` must return an image or a StudyError that names it.

A cell is decoded by a process of its own; when that ends, the file it ended at counts as an
`abort`, and another process goes on after it.
"""

import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from tests.unit.images.data.make import HERE as STREAMS  # noqa: E402
from tests.unit.images.data.make import picture  # noqa: E402
from tests.unit.images.making import dataset, to_bytes  # noqa: E402

from microcalc.core.errors import StudyError  # noqa: E402
from microcalc.images.formats import decode  # noqa: E402
from microcalc.images.image_entry import ImageEntry  # noqa: E402

WRITTEN = {
    "RLELossless": {},
    "JPEGLSLossless": {},
    "JPEGLSNearLossless": {"jls_error": 2},
    "JPEG2000Lossless": {},
    "JPEG2000": {"j2k_cr": [10]},
}
GIVEN = {
    "JPEGBaseline8Bit": "",
    "JPEGExtended12Bit": "jpeg_extended.jpg",
    "JPEGLossless": "jpeg_lossless_6.jpg",
    "JPEGLosslessSV1": "jpeg_lossless_1.jpg",
    "HTJ2KLossless": "htj2k_lossless.j2c",
    "HTJ2KLosslessRPCL": "htj2k_lossless.j2c",
    "HTJ2K": "htj2k_lossy.j2c",
}
CELLS = [{"syntax": name} for name in (*WRITTEN, *GIVEN)]
REPLICATES, SAMPLE = 5000, 300

SLOW_S, LARGE_MIB, HANGS_S = 10.0, 2048, 600
AT_ONCE = 500
IMAGE = "one"
"""What every message must name."""


def good(syntax: str) -> tuple[bytes, Any]:
    """Return a good stream of a syntax, and the dataset that it belongs into."""
    image = picture()
    ds = dataset(image, BitsStored=12)
    if syntax in WRITTEN:
        ds.compress(getattr(uid, syntax), generate_instance_uid=False, **WRITTEN[syntax])
        return get_frame(ds.PixelData, 0, number_of_frames=1), ds
    if not GIVEN[syntax]:
        ds = dataset((image >> 4).astype(np.uint8))
    ds.file_meta.TransferSyntaxUID = getattr(uid, syntax)
    return (STREAMS / GIVEN[syntax]).read_bytes() if GIVEN[syntax] else _baseline(), ds


def _baseline() -> bytes:
    file = io.BytesIO()
    Image.fromarray((picture() >> 4).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def header_length(syntax: str, stream: bytes) -> int:
    """Return where the coded data begin."""
    if syntax == "RLELossless":
        return 64
    marker = b"\xff\x93" if "2" in syntax and "12" not in syntax else b"\xff\xda"
    return stream.index(marker) + 12


def overwritten(head: bytes, chance: random.Random) -> bytes:
    """Overwrite a few bytes."""
    changed = bytearray(head)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(changed)


def flipped(head: bytes, chance: random.Random) -> bytes:
    """Flip a few bits."""
    changed = bytearray(head)
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def absurd(head: bytes, chance: random.Random) -> bytes:
    """Overwrite two or four bytes by a number that may be taken for a length or a size."""
    size = chance.choice((2, 4))
    number = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 65535, chance.getrandbits(32)))
    at = chance.randrange(len(head) - size)
    return head[:at] + struct.pack(">I", number)[-size:] + head[at + size :]


def shortened(head: bytes, chance: random.Random) -> bytes:
    """Leave out up to 40 bytes."""
    first, last = sorted(chance.randrange(len(head)) for _ in "ab")
    return head[:first] + head[min(last, first + 40) :]


def lengthened(head: bytes, chance: random.Random) -> bytes:
    """Put in random bytes, or a piece of the header once more."""
    at, start = chance.randrange(len(head)), chance.randrange(len(head))
    put = chance.choice((chance.randbytes(chance.choice((1, 4, 60))), head[start : start + 40]))
    return head[:at] + put + head[at:]


def exchanged(head: bytes, chance: random.Random) -> bytes:
    """Turn one marker into another of the same family."""
    places = [i for i in range(2, len(head) - 1) if head[i] == 0xFF and head[i + 1] >= 0x4F]
    at = chance.choice(places or [1])
    return head[: at + 1] + bytes([chance.randrange(0x4F, 0x100)]) + head[at + 2 :]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    overwritten, flipped, absurd, absurd, shortened, lengthened, exchanged,
]  # fmt: skip


def mutants(syntax: str, seed: int, first: int, last: int) -> Iterator[bytes]:
    """Yield the damaged files `first` to `last` - 1, the same for the same seed."""
    stream, ds = good(syntax)
    end = header_length(syntax, stream)
    for number in range(first, last):
        chance = random.Random(f"{seed} {number}")  # noqa: S311
        head = MUTATIONS[number % len(MUTATIONS)](stream[:end], chance)
        ds.PixelData = encapsulate([head + stream[end:]])
        ds["PixelData"].is_undefined_length = True
        yield to_bytes(ds)


def outcome(data: bytes) -> str:
    """Return how decoding ended: ok, the reason without numbers, or what escaped."""
    try:
        decode(data, ImageEntry(IMAGE))
    except StudyError as error:
        return error.reason if error.reason.startswith(f"image {IMAGE}: ") else "UNNAMED"
    except BaseException as error:
        return f"ESCAPED {type(error).__name__}"
    return "ok"


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return how many files ended how, and the largest time and memory of the decoding process."""
    seed, ends = int(rng.integers(2**31)), Counter[str]()
    worst_s, worst_mib, at = 0.0, 0, 0
    while at < replicates:
        for reason, seconds, mib in _watched(
            cell["syntax"], seed, at, min(at + AT_ONCE, replicates)
        ):
            ends[reason] += 1
            worst_s, worst_mib, at = max(worst_s, seconds), max(worst_mib, mib), at + 1
    refused = [reason for reason in ends if reason.startswith("image ")]
    down = [reason for reason in refused if "brings its decoder down" in reason]
    slow = [reason for reason in refused if "takes longer" in reason]
    return {
        "decoded": ends["ok"],
        "refused": sum(ends[reason] for reason in refused),
        "of_a_decoder_brought_down": sum(ends[reason] for reason in down),
        "of_a_decoder_out_of_time": sum(ends[reason] for reason in slow),
        "aborts": ends["ABORT"],
        "hangs": ends["HANG"],
        "unnamed": sum(n for r, n in ends.items() if r.startswith(("UNNAMED", "ESCAPED"))),
        "over_10_s": int(worst_s > SLOW_S),
        "over_2_gib": int(worst_mib > LARGE_MIB),
    }


def _watched(syntax: str, seed: int, first: int, last: int) -> list[tuple[str, float, int]]:
    """Return (outcome, seconds, MiB) of files from `first` on, up to one that ends the process."""
    command = [sys.executable, __file__, syntax, str(seed), str(first), str(last)]
    with tempfile.TemporaryFile("w+") as told:
        ended = "ABORT"
        try:
            code = subprocess.run(
                command, stdout=told, stderr=subprocess.DEVNULL, timeout=HANGS_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code, ended = 1, "HANG"
        told.seek(0)
        lines = [tuple(json.loads(line)) for line in told if line.endswith("\n")]
    return lines if code == 0 else [*lines, (ended, 0.0, 0)]


def faults(rows: pd.DataFrame) -> list[str]:
    """Return what no damaged file may do, and whether the damage was none."""
    found = [
        f"{row.syntax}: {getattr(row, kind)} {kind}"
        for row in rows.itertuples()
        for kind in ("aborts", "hangs", "unnamed", "over_10_s", "over_2_gib")
        if getattr(row, kind)
    ]
    for row in rows.itertuples():
        if row.decoded + row.refused != row.replicates:
            found.append(f"{row.syntax}: {row.decoded + row.refused} of {row.replicates} are told")
        if not 0.1 < row.refused / row.replicates < 1:
            found.append(f"{row.syntax}: {row.refused} of {row.replicates} were refused")
    return found


def _peak_mib() -> int:
    """Return the peak memory of this process or of the one that decodes for it."""
    this = os.getpid()
    children = Path(f"/proc/self/task/{this}/children").read_text(encoding="ascii").split()
    peaks = [0]
    for pid in (this, *children):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        peaks += [int(kib) // 1024 for kib in re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)]
    return max(peaks)


def _main(syntax: str, seed: int, first: int, last: int) -> None:
    for data in mutants(syntax, seed, first, last):
        start = time.process_time()
        told = outcome(data)
        seconds = time.process_time() - start
        sys.stdout.write(json.dumps([told, seconds, _peak_mib()]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(sys.argv[1], *map(int, sys.argv[2:5]))
