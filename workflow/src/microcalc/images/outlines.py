"""Annotation files of polygons and boxes: LabelMe and COCO JSON, CVAT and VOC XML, YOLO text."""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.images import masks
from microcalc.images.components import Component, joined, of_mask, of_polygon

_BOM = b"\xef\xbb\xbf"
_YOLO = re.compile(rb"\s*\d+(?:[ \t]+[-+.\deE]+){4,}[ \t]*(?:\r?\n|$)")
# Sides of the polygon that stands for a circle; a multiple of four touches its box.
_SIDES = 64

Point = tuple[float, float]


@dataclass
class Drawing:
    """The regions of one image: components, and the areas in pixels of what has no extent."""

    components: list[Component] = field(default_factory=list)
    specks: list[float] = field(default_factory=list)

    def polygon(self, points: Iterable[Sequence[Any]], label: str) -> None:
        """Add a polygon; one without an area is a speck.

        Parameters
        ----------
        points
            Corners (x, y) in pixels from the image's upper left corner.
        label
            What it is called.

        Raises
        ------
        StudyError
            When it is larger than any image.
        """
        corners = [(float(x), float(y)) for x, y in points]
        found = of_polygon(corners, label)
        if found is None:
            self.specks.append(0.0)
        else:
            self.components.append(found)

    def box(self, x0: float, y0: float, x1: float, y1: float, label: str) -> None:
        """Add a box.

        Parameters
        ----------
        x0, y0, x1, y1
            Opposite corners in pixels, in any order.
        label
            What it is called.
        """
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], label)

    def ellipse(self, x: float, y: float, rx: float, ry: float, label: str) -> None:
        """Add an ellipse, as a polygon of 64 sides.

        Parameters
        ----------
        x, y, rx, ry
            Middle and half axes in pixels.
        label
            What it is called.
        """
        angles = [2 * math.pi * i / _SIDES for i in range(_SIDES)]
        self.polygon([(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles], label)

    def mask(self, cells: NDArray[np.bool_], left: int, top: int, label: str) -> None:
        """Add the components of a mask.

        Parameters
        ----------
        cells
            Bool, (rows, columns).
        left, top
            Column and row of its first pixel.
        label
            What they are called.

        Raises
        ------
        StudyError
            When it begins outside the image.
        """
        # Where it lies is told by an empty frame above and to the left.
        if min(left, top) < 0:
            raise StudyError("its ROI file has a mask that begins outside the image")
        found, _ = of_mask(np.pad(cells, ((top, 0), (left, 0))), label)
        self.components += found

    def points(self, count: int) -> None:
        """Add marks without any extent: specks of area 0.

        Parameters
        ----------
        count
            How many.
        """
        self.specks += [0.0] * count


# What adds a shape to a drawing, under a label; and with it what the shape is called.
Add = Callable[[Drawing, str], None]
Shapes = Iterator[tuple[tuple[str, ...], Add]]


def is_outlines(data: bytes) -> bool:
    """Return whether a file is JSON, XML or YOLO's lines of numbers.

    Parameters
    ----------
    data
        The file.

    Returns
    -------
    bool
        By its first bytes.

    Examples
    --------
    >>> from microcalc.images import outlines
    >>> outlines.is_outlines(b"0 0.5 0.5 0.2 0.1"), outlines.is_outlines(b"GIF89a")
    (True, False)
    """
    text = data.removeprefix(_BOM).lstrip()
    return text[:1] in {b"{", b"[", b"<"} or _YOLO.match(text) is not None


def read(data: bytes, shape: tuple[int, int], *, label: str, known_as: set[str]) -> Drawing:
    """Return the regions of an image from a file of corners or boxes.

    Parts that overlap or touch are one.

    Parameters
    ----------
    data
        The file.
    shape
        Rows and columns of the image.
    label
        Which regions; "" for all.
    known_as
        The image's names, by which a file of several images tells it.

    Returns
    -------
    Drawing
        Components, and specks.

    Raises
    ------
    StudyError
        When the file is of another image, another kind, or lacks the label. Other exceptions mean a
        damaged file; `content_errors` tells of them.

    Examples
    --------
    >>> from microcalc.images import outlines
    >>> drawing = outlines.read(b"0 0.5 0.5 0.2 0.1", (100, 200), label="", known_as=set())
    >>> [str(component.box) for component in drawing.components]
    ['x 80 to 120, y 45 to 55']
    """
    text = data.removeprefix(_BOM).lstrip()
    if text[:1] in {b"{", b"["}:
        shapes = _of_json(json.loads(text), shape, known_as)
    elif text[:1] == b"<":
        shapes = _of_xml(text, shape, known_as)
    else:
        shapes = _of_yolo(text.decode("ascii"), shape)
    found = []
    for names, add in shapes:
        drawing = Drawing()
        add(drawing, names[0])
        found.append((names, drawing))
    return merged(found, label)


def merged(found: Sequence[tuple[tuple[str, ...], Drawing]], label: str) -> Drawing:
    """Return all drawings as one, or those of which `label` is a name.

    Parameters
    ----------
    found
        Names of each region, and its drawing.
    label
        One of the names; "" for all.

    Returns
    -------
    Drawing
        Components that touch are one.

    Raises
    ------
    StudyError
        When nothing is drawn, under that label at least.

    Examples
    --------
    >>> from microcalc.images import outlines
    >>> mass, clip = outlines.Drawing(), outlines.Drawing()
    >>> mass.box(10, 20, 30, 40, "mass")
    >>> clip.box(50, 60, 52, 62, "clip")
    >>> drawing = outlines.merged([(("mass",), mass), (("clip",), clip)], "mass")
    >>> [str(component.box) for component in drawing.components]
    ['x 10 to 30, y 20 to 40']
    """
    whole = Drawing()
    for names, drawing in found:
        if not label or label in names:
            whole.components += drawing.components
            whole.specks += drawing.specks
    if not (whole.components or whole.specks):
        if not label:
            raise StudyError("its ROI file has no region")
        offered = sorted({names[0] for names, _ in found} - {""})
        raise StudyError(
            "its ROI file has no such region as roi_label names",
            detail=f"{label!r}; it has {', '.join(offered) or 'none'}",
        )
    whole.components = joined(whole.components)
    return whole


def _of_json(content: Any, shape: tuple[int, int], known_as: set[str]) -> Shapes:
    if isinstance(content, dict) and "shapes" in content:
        return _of_labelme(content, shape)
    if isinstance(content, dict) and "annotations" in content:
        return _of_coco(content, shape, known_as)
    raise StudyError("its ROI file is JSON, but neither LabelMe's nor COCO's")


def _of_labelme(content: Any, shape: tuple[int, int]) -> Shapes:
    _check_size((content.get("imageHeight"), content.get("imageWidth")), shape)
    for drawn in content["shapes"]:
        points = [(float(x), float(y)) for x, y in drawn["points"]]
        yield (str(drawn.get("label", "")),), _labelme_shape(drawn, points)


def _labelme_shape(drawn: Any, points: list[Point]) -> Add:
    kind = drawn.get("shape_type") or "polygon"

    def add(drawing: Drawing, label: str) -> None:
        if kind == "circle":
            (x, y), edge = points
            radius = math.hypot(edge[0] - x, edge[1] - y)
            drawing.ellipse(x, y, radius, radius, label)
        elif kind == "rectangle" and len(points) == 2:
            drawing.box(*points[0], *points[1], label)
        elif kind in {"point", "points"}:
            drawing.points(len(points))
        elif kind == "mask":
            layers = masks.of_picture(base64.b64decode(drawn["mask"]), None, threshold=0.5)
            (left, top), *_ = points
            for layer in layers:
                drawing.mask(layer.pixels, round(left), round(top), label)
        else:
            drawing.polygon(points, label)

    return add


def _of_coco(content: Any, shape: tuple[int, int], known_as: set[str]) -> Shapes:
    images = content.get("images") or []
    if len(images) > 1:
        images = [image for image in images if known_as & _names_of(image)]
    if len(images) != 1:
        raise StudyError(
            "its ROI file is COCO's and tells this image by neither its image_id nor its file name"
        )
    _check_size((images[0].get("height"), images[0].get("width")), shape)
    names = {str(c["id"]): str(c.get("name", "")) for c in content.get("categories", [])}
    for annotation in content["annotations"]:
        if annotation["image_id"] == images[0]["id"]:
            number = str(annotation.get("category_id"))
            yield (names.get(number) or number, number), _coco_shape(annotation, shape)


def _coco_shape(annotation: Any, shape: tuple[int, int]) -> Add:
    drawn = annotation.get("segmentation")

    def add(drawing: Drawing, label: str) -> None:
        if isinstance(drawn, list) and drawn:
            for polygon in drawn:
                drawing.polygon(_pairs(polygon), label)
        elif isinstance(drawn, dict) and drawn.get("counts"):
            drawing.mask(_coco_mask(drawn, shape), 0, 0, label)
        else:
            x, y, width, height = (float(v) for v in annotation["bbox"])
            drawing.box(x, y, x + width, y + height, label)

    return add


def _coco_mask(drawn: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a run-length coded mask, which counts down the columns."""
    if tuple(drawn["size"]) != shape:
        _check_size(tuple(drawn["size"]), shape)
    counts = drawn["counts"]
    runs = _uncompressed(counts) if isinstance(counts, str) else [int(v) for v in counts]
    return _from_runs(runs, shape[0] * shape[1]).reshape(shape[::-1]).T


def _uncompressed(text: str) -> list[int]:
    """Return the run lengths in a string of COCO's: 5 bits a letter, differences from the third."""
    runs: list[int] = []
    value = bits = 0
    for letter in text.encode("ascii"):
        part = letter - 48
        value |= (part & 0x1F) << bits
        bits += 5
        if part & 0x20:
            continue
        if part & 0x10:
            value -= 1 << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = bits = 0
    return runs


def _from_runs(runs: list[int], size: int) -> NDArray[np.bool_]:
    """Return `size` pixels from the lengths of runs, which are empty and full by turns."""
    if min(runs, default=0) < 0 or sum(runs) != size:
        raise StudyError("its ROI file has a run-length coded mask of another size than the image")
    full = np.arange(len(runs)) % 2 == 1
    return np.repeat(full, runs)


class _Tree(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        """Refuse what could name other files or unfold without end."""
        raise StudyError("its ROI file is XML with a document type; save it without one")


def _of_xml(text: bytes, shape: tuple[int, int], known_as: set[str]) -> Shapes:
    parser = ElementTree.XMLParser(target=_Tree())  # noqa: S314 - see _Tree
    parser.feed(text)
    root = parser.close()
    if root.tag == "annotation" and root.find("object") is not None:
        return _of_voc(root, shape)
    if root.tag == "annotations":
        return _of_cvat(root, shape, known_as)
    if root.tag == "annotation":
        return iter(())
    raise StudyError("its ROI file is XML, but neither Pascal VOC's nor CVAT's for images")


def _of_voc(root: Any, shape: tuple[int, int]) -> Shapes:
    height, width = (root.findtext(f"size/{name}") for name in ("height", "width"))
    _check_size((_whole(height), _whole(width)), shape)
    for entry in root.iter("object"):
        box = entry.find("bndbox")
        if box is None:
            raise StudyError("its ROI file is Pascal VOC's, with an object that has no bndbox")
        yield ((entry.findtext("name") or "").strip(),), _voc_box(box)


def _voc_box(box: Any) -> Add:
    x0, y0, x1, y1 = (float(box.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax"))

    def add(drawing: Drawing, label: str) -> None:
        drawing.box(x0, y0, x1, y1, label)

    return add


def _of_cvat(root: Any, shape: tuple[int, int], known_as: set[str]) -> Shapes:
    if root.find("track") is not None:
        raise StudyError("its ROI file is CVAT's for video; export it as CVAT for images")
    images = root.findall("image")
    if len(images) > 1:
        images = [image for image in images if known_as & _names(image.get("name", ""))]
    if len(images) != 1:
        raise StudyError(
            "its ROI file is CVAT's and tells this image by neither its image_id nor its file name"
        )
    _check_size((_whole(images[0].get("height")), _whole(images[0].get("width"))), shape)
    for drawn in images[0]:
        if drawn.get("label") is not None:
            yield (drawn.get("label"),), _cvat_shape(drawn)


def _cvat_shape(drawn: Any) -> Add:
    def number(name: str) -> float:
        return float(drawn.get(name))

    def add(drawing: Drawing, label: str) -> None:
        points = [pair.split(",") for pair in drawn.get("points", "").split(";") if pair]
        if drawn.tag == "points":
            drawing.points(len(points))
        elif drawn.tag in {"polygon", "polyline"}:
            drawing.polygon(points, label)
        elif drawn.tag == "box":
            corners = [number(name) for name in ("xtl", "ytl", "xbr", "ybr")]
            drawing.polygon(_rotated(corners, float(drawn.get("rotation", 0))), label)
        elif drawn.tag == "ellipse" and not float(drawn.get("rotation", 0)):
            x, y, rx, ry = (number(name) for name in ("cx", "cy", "rx", "ry"))
            drawing.ellipse(x, y, rx, ry, label)
        elif drawn.tag == "mask":
            high, wide = int(number("height")), int(number("width"))
            runs = [int(v) for v in drawn.get("rle").split(",")]
            cells = _from_runs(runs, high * wide).reshape(high, wide)
            drawing.mask(cells, int(number("left")), int(number("top")), label)
        else:
            raise StudyError(
                "its ROI file is CVAT's, with a shape that is not read; expected boxes, polygons, "
                "ellipses that are not rotated, or masks",
                detail=drawn.tag,
            )

    return add


def _rotated(corners: list[float], degrees: float) -> list[Point]:
    """Return the corners of a box that is turned about its middle, clockwise as images show it."""
    x0, y0, x1, y1 = corners
    x, y, angle = (x0 + x1) / 2, (y0 + y1) / 2, math.radians(degrees)
    sine, cosine = math.sin(angle), math.cos(angle)
    return [
        (x + (px - x) * cosine - (py - y) * sine, y + (px - x) * sine + (py - y) * cosine)
        for px, py in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    ]


def _of_yolo(text: str, shape: tuple[int, int]) -> Shapes:
    for line in filter(str.strip, text.splitlines()):
        name, *numbers = line.split()
        values = [float(v) for v in numbers]
        if not all(-0.001 <= v <= 1.001 for v in values):
            raise StudyError(
                "its ROI file looks like YOLO's, with numbers that are no parts of the image's "
                "width and height; expected 0 to 1"
            )
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise StudyError(
                "its ROI file looks like YOLO's; expected a class and 4 numbers (box) or pairs of "
                "numbers (polygon) in every line",
                detail=f"{len(values)} numbers",
            )
        yield (name,), _yolo_shape(values, shape)


def _yolo_shape(values: list[float], shape: tuple[int, int]) -> Add:
    rows, columns = shape

    def add(drawing: Drawing, label: str) -> None:
        if len(values) == 4:
            x, y, wide, high = values
            left, top = (x - wide / 2) * columns, (y - high / 2) * rows
            drawing.box(left, top, left + wide * columns, top + high * rows, label)
        else:
            drawing.polygon([(x * columns, y * rows) for x, y in _pairs(values)], label)

    return add


def _check_size(found: tuple[Any, ...], shape: tuple[int, int]) -> None:
    if None not in found and found != shape:
        raise StudyError(
            "its ROI file was drawn on an image of another size",
            detail=f"{found[0]} rows and {found[1]} columns; this one has {shape[0]} and "
            f"{shape[1]}",
        )


def _whole(text: str | None) -> int | None:
    # CVAT and some writers of Pascal VOC give 0 where they do not know.
    return int(float(text)) or None if text else None


def _names_of(image: Any) -> set[str]:
    return {*_names(str(image.get("file_name", ""))), str(image.get("id"))}


def _names(name: str) -> set[str]:
    return {name, Path(name).name, Path(name).stem} - {""}


def _pairs(numbers: Sequence[float]) -> list[Point]:
    flat = [float(v) for v in numbers]
    return list(zip(flat[::2], flat[1::2], strict=True))
