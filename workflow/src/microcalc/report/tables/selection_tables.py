"""Tables of the selection: how many features each step left, and which survived."""

from typing import TYPE_CHECKING

from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import INTERCEPT, Study

if TYPE_CHECKING:
    pass


def funnel(study: Study) -> Table:
    """Return how many features each step of the selection left."""
    rows = [
        Row((model_label(str(step)), fmt.count(n)))
        for step, n in study.tables["funnel"][["step", "n_features"]].itertuples(index=False)
    ]
    return Table(("Step", "Features left"), tuple(rows))


def selected(study: Study) -> Table:
    """Return the surviving features, the largest coefficient first."""
    table = study.tables["selected"]
    ordered = table.iloc[table["coefficient"].abs().argsort(kind="stable")[::-1]]
    # The intercept last; `sort_values` keeps what it does not tell apart in order.
    ordered = ordered.sort_values(
        "feature", key=lambda features: features == INTERCEPT, kind="stable"
    )
    rows = [
        Row((str(line["feature"]), fmt.number(line["coefficient"], 3)))
        for _, line in ordered.iterrows()
    ]
    return Table(("Feature", "Coefficient per SD"), tuple(rows))
