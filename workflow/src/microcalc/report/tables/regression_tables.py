"""Tables of odds ratios and of the frozen models' coefficients."""

from typing import TYPE_CHECKING, Any

from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study

if TYPE_CHECKING:
    import pandas as pd


def univariable(study: Study) -> Table:
    """Return the odds ratios of one clinical variable at a time, see `odds_ratios`."""
    return odds_ratios(study, "univariable")


def multivariable(study: Study) -> Table:
    """Return the odds ratios of clinical variables together, see `odds_ratios`."""
    return odds_ratios(study, "multivariable")


def odds_ratios(study: Study, name: str) -> Table:
    """Return odds ratios with their intervals, a line per variable and level.

    Parameters
    ----------
    study
        The results.
    name
        `univariable` or `multivariable`, the table that they stand in.
    """
    table = study.tables[name]
    rows = []
    for variable in dict.fromkeys(table["variable"]):
        own = table[table["variable"] == variable].fillna({"level": ""})
        p_of_variable = fmt.p_value(own["p_variable"].iloc[0]) if "p_variable" in own else ""
        if len(own) == 1 and own["level"].iloc[0] == "":
            cells = _odds_cells(own.iloc[0])
            rows.append(Row((study.variable_label(variable), *cells, p_of_variable)))
            continue
        rows.append(Row((study.variable_label(variable), "", "", "", p_of_variable)))
        for _, line in own.iterrows():
            rows.append(Row((str(line["level"]), *_odds_cells(line), ""), "level"))
    heads = ("Variable", "n", f"Odds ratio ({study.level} CI)", "P (Wald)", "P, variable")
    positive = study.labels.positive
    return Table(heads, tuple(rows), f"Odds of {positive}. {_fitted_by(study, table)}".strip())


def _fitted_by(study: Study, table: "pd.DataFrame") -> str:
    """Return by which method which variables were fitted, the method of most of them first."""
    methods = table.dropna(subset=["method"]).drop_duplicates("variable")
    groups = methods.groupby("method", sort=True)["variable"].agg(list)
    order = sorted(groups.index, key=lambda method: -len(groups[method]))
    if not order:
        return ""
    most, *others = order
    text = f"Fitted by {_in_words(most)}"
    for method in others:
        names = ", ".join(study.variable_label(name) for name in groups[method])
        text += f"; {names} by {_in_words(method)}"
    return text + "."


def _in_words(method: str) -> str:
    """Return the method of a row as a reader knows it: what follows the first comma stays."""
    return method.replace("Firth", "Firth's penalized likelihood, since the data separate", 1)


def _odds_cells(line: "pd.Series[Any]") -> tuple[str, str, str]:
    if fmt.missing(line["or_low"]) and line["odds_ratio"] == 1:
        return fmt.count(line["n"]), "1 (reference)", ""
    ratio = fmt.ratio(line["odds_ratio"], line["or_low"], line["or_high"])
    return fmt.count(line["n"]), ratio, "" if fmt.missing(line["p"]) else fmt.p_value(line["p"])


def equations(study: Study) -> Table:
    """Return every frozen model: its terms, coefficients on the log odds, and threshold.

    A group row heads each model; it is all that a reader needs to compute a probability.
    """
    rows: list[Row] = []
    for name, model in study.models.items():
        rows.append(Row((model_label(name) + f": {model['method']}",), "group"))
        rows.append(Row(("Intercept", fmt.number(model["intercept"], 3))))
        for term in model["terms"]:
            head = study.variable_label(term["variable"])
            if term["kind"] == "categorical":
                rows.append(Row((f"{head}, reference {term['reference']}", "")))
                rows += [
                    Row((level, fmt.number(value, 3)), "level")
                    for level, value in term["coefficients"].items()
                ]
            else:
                rows.append(Row((head, fmt.number(term["coefficient"], 3))))
        rows.append(Row(("Threshold on the probability", fmt.number(model["threshold"], 3))))
    return Table(("Term", "Log odds"), tuple(rows))
