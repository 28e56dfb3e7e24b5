"""ONNX files of one or two operations, written as protobuf's wire format: without a library."""

import numpy as np

FLOAT, INT64 = 1, 7


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = INT64 if values.dtype == np.int64 else FLOAT
    dims = b"".join(_field(1, int(side)) for side in values.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, values.tobytes())


def _value(name: str, shape: list[int | str]) -> bytes:
    dims = b"".join(_field(1, _field(1 if isinstance(s, int) else 2, s)) for s in shape)
    kind = _field(1, _field(1, FLOAT) + _field(2, dims))
    return _field(1, name) + _field(2, kind)


def _node(
    operation: str, inputs: list[str], output: str, *attributes: bytes, domain: str = ""
) -> bytes:
    return (
        b"".join(_field(1, name) for name in inputs)
        + _field(2, output)
        + _field(4, operation)
        + b"".join(_field(5, attribute) for attribute in attributes)
        + (_field(7, domain) if domain else b"")
    )


def _ints(name: str, values: list[int]) -> bytes:
    return _field(1, name) + b"".join(_field(8, value) for value in values) + _field(20, 7)


def _model(
    nodes: list[bytes],
    tensors: dict[str, np.ndarray],
    given: list[int | str],
    outputs: dict[str, list[int | str]],
) -> bytes:
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, "graph")
        + b"".join(_field(5, _tensor(name, values)) for name, values in tensors.items())
        + _field(11, _value("image", given))
        + b"".join(_field(12, _value(name, shape)) for name, shape in outputs.items())
    )
    opset = _field(8, _field(1, "") + _field(2, 17))
    return _field(1, 8) + _field(7, graph) + opset


def convolution(kernel: np.ndarray, given: list[int | str], *, form: str = "maps") -> bytes:
    """Return a convolution (d, C, 3, 3) over images; its maps, their means, or their tokens."""
    nodes = [
        _node("Conv", ["image", "kernel"], "maps", _ints("pads", [1, 1, 1, 1])),
    ]
    tensors = {"kernel": kernel.astype(np.float32)}
    width = kernel.shape[0]
    outputs: dict[str, dict[str, list[int | str]]] = {
        "maps": {"maps": ["n", width, "h", "w"]},
        "features": {"features": ["n", width]},
        "tokens": {"tokens": ["n", "t", width]},
        "both": {"features": ["n", width], "maps": ["n", width, "h", "w"]},
        "foreign": {"features": ["n", width]},
    }
    if form in ("features", "both"):
        nodes += [
            _node("GlobalAveragePool", ["maps"], "pooled"),
            _node("Flatten", ["pooled"], "features"),
        ]
    if form == "tokens":
        tensors["shape"] = np.array([0, width, -1], dtype=np.int64)
        nodes += [
            _node("Reshape", ["maps", "shape"], "flat"),
            _node("Transpose", ["flat"], "tokens", _ints("perm", [0, 2, 1])),
        ]
    if form == "foreign":
        nodes += [_node("RunCode", ["maps"], "features", domain="my.own")]
    return _model(nodes, tensors, given, outputs[form])
