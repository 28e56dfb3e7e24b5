"""Sentences that change with the outcome; every number in them is looked up."""

from collections.abc import Mapping
from typing import Any

from microcalc.figures.words import label as model_label
from microcalc.report import format as fmt
from microcalc.report.study import JUDGED, Study

Row = Mapping[Any, Any]


def joined(parts: list[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def alpha(study: Study) -> float:
    """Return the level of the tests: one minus the confidence of the intervals."""
    return round(1 - float(study.config["evaluation"]["confidence"]), 10)


def comparison(row: Row, level: float, verdict: str = "") -> str:
    """Return what one of DeLong's tests says, and no more than that.

    Parameters
    ----------
    row
        A row of `evaluation/delong.csv`.
    level
        An adjusted P value below it is called a difference.
    verdict
        That of `evaluation/equivalence.csv` for the same pair, or nothing.
    """
    a, b = (f"the {model_label(row[key]).lower()} model" for key in ("model_a", "model_b"))
    if fmt.missing(row["p_holm"]):
        return f"The AUCs of {a} and {b} could not be compared."
    numbers = (
        f"{fmt.number(row['auc_a'])} vs {fmt.number(row['auc_b'])}; difference, "
        f"{fmt.estimate(row['delta'], row['delta_low'], row['delta_high'])}; "
        f"Holm-adjusted P {_with_relation(row['p_holm'])}"
    )
    if row["p_holm"] < level:
        relation = "higher" if row["delta"] > 0 else "lower"
        return f"The AUC of {a} was {relation} than that of {b} ({numbers})."
    if verdict == "equivalent":
        return f"The AUCs of {a} and {b} were equivalent within the margin ({numbers})."
    return f"No difference in AUC between {a} and {b} was shown ({numbers})."


def _with_relation(p: float) -> str:
    text = fmt.p_value(p, equals=True)
    return text if text[0] in "<>=" else f"= {text}"


def performance(study: Study, split: str) -> str:
    """Return the AUC, sensitivity and specificity of every model in a set, in one sentence."""
    parts = []
    for row in study.metric_rows(split).to_dict("records"):
        name = f"the {model_label(row['model']).lower()} model"
        if fmt.missing(row["auc"]):
            parts.append(f"the AUC of {name} could not be estimated")
            continue
        values = {
            key: fmt.estimate(row[key], row[f"{key}_low"], row[f"{key}_high"])
            for key in ("auc", "sensitivity", "specificity")
        }
        parts.append(
            f"{name} reached an AUC of {values['auc']}, a sensitivity of "
            f"{values['sensitivity']} and a specificity of {values['specificity']}"
        )
    return "; ".join(parts) + "."


def compared(study: Study, split: str) -> str:
    """Return one sentence per comparison in a set."""
    kind = JUDGED[split]
    verdicts = {}
    if study.has("equivalence"):
        for row in study.tables["equivalence"].to_dict("records"):
            verdicts[row["split"], row["kind"], row["model_a"], row["model_b"]] = row["verdict"]
    said = [
        comparison(
            row,
            alpha(study),
            str(verdicts.get((split, kind, row["model_a"], row["model_b"]), "")),
        )
        for row in study.tables["delong"].to_dict("records")
        if row["split"] == split and row["kind"] == kind
    ]
    return " ".join(said)


def exclusions(study: Study) -> str:
    """Return what left and why, in sentences."""
    flow = study.documents["flow"]
    reasons = []
    for room in flow["rooms"]:
        for reason in room["reasons"]:
            parts = [_plural(reason[key], key[:-1]) for key in ("cases", "images") if reason[key]]
            reasons.append(f"{' and '.join(parts)} ({reason['reason']})")
    return f"Excluded were {joined(reasons)}." if reasons else "No case or image was excluded."


def screened(study: Study) -> str:
    """Return which clinical variables were independent predictors, with their odds ratios."""
    if not study.has("univariable"):
        return "The study has no clinical variable."
    passed = _kept(study, "univariable")
    kept = _kept(study, "multivariable") if study.has("multivariable") else []
    if not passed:
        return "No clinical variable was associated with the class in univariable regression."
    first = (
        f"In univariable regression {joined([_name(study, name) for name in passed])} "
        f"{'was' if len(passed) == 1 else 'were'} associated with {study.labels['positive']}."
    )
    if not kept:
        return f"{first} None was an independent predictor in the multivariable model."
    parts = []
    for row in study.tables["multivariable"].fillna({"level": ""}).to_dict("records"):
        if row["variable"] in kept and not fmt.missing(row["or_low"]):
            level = f" {row['level']}" if row["level"] else ""
            ratio = fmt.estimate(row["odds_ratio"], row["or_low"], row["or_high"])
            parts.append(
                f"{_name(study, row['variable'])}{level} (odds ratio, {ratio}; "
                f"P {_with_relation(row['p'])})"
            )
    return f"{first} Independent predictors were {joined(parts)}."


def against(study: Study) -> str:
    """Return how many published numbers lie inside this run's intervals."""
    if not study.has("published"):
        return ""
    inside = study.tables["published"]["inside_interval"].fillna("")
    known = int(inside.isin(["yes", "no"]).sum())
    if not known:
        return ""
    text = (
        f"Of {known} published values ({study.config['published']['citation']}), "
        f"{int((inside == 'yes').sum())} lay inside this run's intervals."
    )
    if study.simulated:
        text += " Since the images are simulated, this says nothing about the publication."
    return text


def _kept(study: Study, name: str) -> list[str]:
    table = study.tables[name]
    kept = table[table["kept"].astype(str).str.lower() == "true"]
    return list(dict.fromkeys(kept["variable"]))


def _name(study: Study, variable: str) -> str:
    label = study.variable_label(variable)
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _plural(n: int, what: str) -> str:
    return f"{n} {what if n == 1 else what + 's'}"
