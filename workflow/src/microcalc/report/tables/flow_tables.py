"""Tables of the participants' flow: how many were left after each step, and who left why."""

from microcalc.core.errors import with_detail
from microcalc.figures.number_format import split_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study


def flow(study: Study) -> Table:
    """Return how many cases and images each room was left with, and why the others went.

    The numbers are those of the document `flow`; reasons and sets are indented.
    """
    document = study.documents["flow"]
    steps = {entry["step"]: entry for entry in document["steps"]}
    rooms = {entry["room"]: entry["reasons"] for entry in document["rooms"]}
    rows = [Row(("Cases in the table", fmt.count(steps["assessed"]["cases"]), "not counted"))]
    for room, after in (("cohort", "eligible"), ("images", "included")):
        rows += [
            Row(
                (
                    f"left ({room}): {reason['reason']}",
                    fmt.count(reason["cases"]),
                    fmt.count(reason["images"]),
                ),
                "level",
            )
            for reason in rooms.get(room, [])
        ]
        images = fmt.count(steps[after]["images"])
        rows.append(Row((after.capitalize(), fmt.count(steps[after]["cases"]), images)))
    for split, sizes in document["splits"].items():
        kept = sizes["included"]
        classes = fmt.counts(kept["n_neg"], kept["n_pos"], study.labels)
        cells = (f"{split_label(split)}: {classes}", fmt.count(kept["n"]))
        rows.append(Row((*cells, fmt.count(sizes["images"])), "level"))
    return Table(("Step", "Cases", "Images"), tuple(rows))


def exclusions(study: Study) -> Table:
    """Return every case and image that left, one line each, as the document `flow` lists them."""
    rows = [
        Row(
            (
                e["case_id"],
                e["image_id"] or "whole case",
                e["room"],
                with_detail(e["reason"], e["detail"]),
            )
        )
        for e in study.documents["flow"]["exclusions"]
    ]
    return Table(("Case", "Image", "Room", "Reason"), tuple(rows))
