"""A JPEG Lossless encoder: the Huffman process with prediction from the left pixel.

ITU-T T.81 (ISO/IEC 10918-1), process 14 with selection value 1, is DICOM's default compressed
syntax. No Python package encodes it dependably from memory (python-gdcm 3.2.6 refuses or aborts),
and one component of 15 bits or fewer needs little code.
"""

import heapq
import struct

import numpy as np


def encode(pixels: np.ndarray, *, bits: int) -> bytes:
    """Return a JPEG Lossless SV1 stream of one gray frame.

    Parameters
    ----------
    pixels
        Unsigned integers (rows, columns), each below 2**bits.
    bits
        Sample precision, 2 to 15.

    Raises
    ------
    ValueError
        When the array has another shape, or a value does not fit in `bits`.
    """
    if pixels.ndim != 2 or pixels.size == 0 or not 2 <= bits <= 15:
        raise ValueError(f"expected a gray image of 2 to 15 bits, found {pixels.shape}, {bits}")
    if int(pixels.max()) >> bits:
        raise ValueError(f"a pixel of {int(pixels.max())} does not fit in {bits} bits")
    values = pixels.astype(np.int32)
    differences = np.empty_like(values)
    differences[:, 1:] = values[:, 1:] - values[:, :-1]
    differences[1:, 0] = values[1:, 0] - values[:-1, 0]
    differences[0, 0] = values[0, 0] - (1 << (bits - 1))
    flat = differences.ravel()

    span = 1 << bits
    every = np.arange(-span, span + 1)
    categories = np.ceil(np.log2(np.abs(every) + 1)).astype(np.int64)
    counts = np.bincount(flat + span, minlength=2 * span + 1)
    frequency = np.bincount(categories, weights=counts, minlength=17).astype(np.int64)
    lengths = _code_lengths({int(s): int(frequency[s]) for s in np.flatnonzero(frequency)})
    symbols = sorted(lengths, key=lambda symbol: (lengths[symbol], symbol))
    codes = _canonical(symbols, lengths)

    code = np.array([codes.get(s, 0) for s in range(18)], dtype=np.uint64)
    size = np.array([lengths.get(s, 0) for s in range(18)], dtype=np.int64)
    extra = np.where(every < 0, every + (1 << categories) - 1, every).astype(np.uint64)
    words = (code[categories] << categories.astype(np.uint64)) | extra
    widths = (size[categories] + categories).astype(np.uint8)
    at = flat + span
    scan = _pack(words.astype(np.uint64)[at], widths[at])

    per_length = bytes(sum(lengths[s] == n for s in symbols) for n in range(1, 17))
    table = b"\x00" + per_length + bytes(symbols)
    rows, columns = pixels.shape
    frame = struct.pack(">BHHBBBB", bits, rows, columns, 1, 1, 0x11, 0)
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xC3, frame),
            _segment(0xC4, table),
            _segment(0xDA, bytes([1, 1, 0x00, 1, 0, 0])),
            scan,
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _code_lengths(frequency: dict[int, int]) -> dict[int, int]:
    """Return Huffman code lengths, at most 16 bits, leaving the code of all ones unused."""
    # No symbol rarer than 1 in 2048 of all keeps the tree of at most 18 leaves below 16 levels.
    floor = sum(frequency.values()) // 2048 + 1
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (max(count, floor), symbol, (symbol,)) for symbol, count in sorted(frequency.items())
    ]
    heap.append((0, 99, (99,)))
    heapq.heapify(heap)
    lengths = dict.fromkeys([*frequency, 99], 0)
    while len(heap) > 1:
        (a, _, left), (b, order, right) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in left + right:
            lengths[symbol] += 1
        heapq.heappush(heap, (a + b, order, left + right))
    # The placeholder is the rarest, hence among the longest codes: canonically it comes last.
    del lengths[99]
    return lengths


def _canonical(symbols: list[int], lengths: dict[int, int]) -> dict[int, int]:
    codes, code, length = {}, 0, 0
    for symbol in symbols:
        code <<= lengths[symbol] - length
        length = lengths[symbol]
        codes[symbol] = code
        code += 1
    return codes


def _pack(words: np.ndarray, widths: np.ndarray) -> bytes:
    """Return the words' lowest `widths` bits one after another, padded with ones, FF stuffed."""
    ends = np.cumsum(widths, dtype=np.int64)
    total = int(ends[-1])
    box = (ends - 1) >> 6
    left = (((box + 1) << 6) - ends).astype(np.uint64)
    packed = np.zeros(int(box[-1]) + 1, dtype=np.uint64)
    # Words do not overlap, so a sum of shifted words equals their union.
    firsts = np.flatnonzero(np.diff(box, prepend=-1))
    packed[box[firsts]] = np.add.reduceat(words << left, firsts)
    # The first word that ends in a box may have begun in the one before.
    split = firsts[1:]
    begun = ends[split] - widths[split] < (box[split] << 6)
    split = split[begun]
    packed[box[split] - 1] |= words[split] >> (np.uint64(64) - left[split])
    stream = packed.astype(">u8").view(np.uint8)[: (total + 7) // 8].copy()
    stream[-1] |= (1 << (-total % 8)) - 1
    escapes = np.flatnonzero(stream == 0xFF)
    return np.insert(stream, escapes + 1, 0).tobytes()
