"""Table of published numbers beside this run's."""

from typing import TYPE_CHECKING, Any

from microcalc.figures.number_format import MEASURES
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study
from microcalc.report.tables.result_rows import set_label

if TYPE_CHECKING:
    import pandas as pd


def published(study: Study) -> Table:
    """Return the published numbers beside this run's, set by set, by `published.csv`."""
    table = study.tables["published"].fillna({"kind": "", "inside_interval": ""})
    rows = []
    for split, kind in table[["split", "kind"]].drop_duplicates().itertuples(index=False):
        own = table[(table["split"] == split) & (table["kind"] == kind)]
        sizes = own["n"].dropna()
        text = set_label(split, kind)
        text += f" (this run: n = {int(sizes.iloc[0])})" if len(sizes) else ""
        rows.append(Row((text,), "group"))
        rows += [Row(_published_cells(line)) for _, line in own.iterrows()]
    heads = ("Model and measure", "Published", f"This run ({study.level} CI)")
    return Table((*heads, "Difference", "Inside the interval"), tuple(rows))


def _published_cells(line: "pd.Series[Any]") -> tuple[str, ...]:
    metric = MEASURES.get(line["metric"], line["metric"])
    return (
        f"{model_label(line['model'])}, {metric}",
        fmt.number(line["published"]),
        _measure_of(line),
        fmt.number(line["difference"]),
        str(line["inside_interval"]) or fmt.NOT_AVAILABLE,
    )


def _measure_of(line: "pd.Series[Any]") -> str:
    if fmt.missing(line["estimate"]):
        return fmt.NOT_AVAILABLE
    if fmt.missing(line["low"]):
        return fmt.number(line["estimate"])
    return fmt.estimate(line["estimate"], line["low"], line["high"])
