"""Tables of the selection: the scores, features that each step left, and which survived."""

from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report import score_text
from microcalc.report.grid import Row, Table
from microcalc.report.study import INTERCEPT, Study


def scores(study: Study) -> Table:
    """Return what each score is made of, what it kept, and who takes it; nothing of one alone.

    It takes the config, and `funnel.csv` and `selected.csv` of each score that has them.
    """
    config = study.config
    rows = []
    for name in config.scores if len(config.scores) > 1 else ():
        known = name in study.selected_scores
        columns = fmt.count(study.left_after("extracted", name)) if known else ""
        kept = fmt.count(study.kept(name)) if known else ""
        takers = [model_label(model) for model in score_text.takers(config, name)]
        cells = score_text.features_of(config, name), score_text.learner(config, name)
        rows.append(
            Row((model_label(score_text.plain(name)), *cells, columns, kept, ", ".join(takers)))
        )
    heads = ("Score", "Made of", "Learner", "Columns", "Kept", "Models that take it")
    return Table(heads, tuple(rows))


def funnel(study: Study) -> Table:
    """Return how many features each step of the main score's selection left: `funnel.csv`."""
    rows = [
        Row((model_label(str(step)), fmt.count(n)))
        for step, n in study.tables["funnel"][["step", "n_features"]].itertuples(index=False)
    ]
    return Table(("Step", "Features left"), tuple(rows))


def selected(study: Study) -> Table:
    """Return the main score's surviving features, the largest coefficient first.

    The coefficients are those of `selected.csv`, on the log odds per standard deviation; the
    intercept stands last.
    """
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
