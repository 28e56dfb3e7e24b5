"""From what a collection draws to one box per image."""

from collections.abc import Iterable

from microcalc.ingest.record import Box, NotTakenError


def around(points: Iterable[tuple[float | str, float | str]]) -> Box:
    """Return the box around points (x, y) in stored pixels, which are numbers or their text.

    Raises
    ------
    NotTakenError
        When one is no number, or they enclose no area.

    Examples
    --------
    >>> from microcalc.ingest import roi_boxes
    >>> roi_boxes.around([("120", "88"), ("180.5", "110"), ("150", "90")])
    (120.0, 88.0, 180.5, 110.0)
    """
    try:
        corners = [(float(x), float(y)) for x, y in points]
    except (TypeError, ValueError):
        raise NotTakenError("its region is not given in numbers") from None
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    if not corners or min(xs) == max(xs) or min(ys) == max(ys):
        raise NotTakenError("its region has no area")
    return min(xs), min(ys), max(xs), max(ys)


def only(boxes: Iterable[Box], shape: tuple[int, int]) -> Box:
    """Return the one region that boxes make in an image; boxes that overlap are drawn in pieces.

    Parameters
    ----------
    boxes
        In stored pixels, see `record.Box`.
    shape
        Of the image: rows, columns.

    Raises
    ------
    NotTakenError
        When there is none, when it lies outside the image, or when several lie apart, so that
        nothing says which of them the label is about.

    Examples
    --------
    >>> from microcalc.ingest import roi_boxes
    >>> roi_boxes.only([(10, 10, 30, 30), (20, 15, 50, 25)], (100, 80))
    (10, 10, 50, 30)
    """
    found: list[Box] = []
    for box in boxes:
        while touching := [other for other in found if _overlap(box, other)]:
            found = [other for other in found if other not in touching]
            for other in touching:
                box = _union(box, other)
        found.append(box)
    if not found:
        raise NotTakenError("no region is drawn in it")
    if len(found) > 1:
        raise NotTakenError("several regions lie apart; nothing says which one the label is about")
    x0, y0, x1, y1 = found[0]
    if not (0 <= x0 < x1 <= shape[1] + 1 and 0 <= y0 < y1 <= shape[0] + 1):
        raise NotTakenError("its region lies outside the image")
    return found[0]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
