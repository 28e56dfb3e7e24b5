"""The report's tables as text: what each cell says, the same for HTML, Word and LaTeX."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from microcalc.core.errors import with_detail
from microcalc.figures.number_format import MEASURES, split_label
from microcalc.figures.number_format import label as model_label
from microcalc.report import changes, finetuning, judgments, provenance
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.study import INTERCEPT, JUDGED, Study


def performance(study: Study) -> Table:
    """Return the headline: how each model does on each set, training by out-of-fold scores."""
    measures = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    order = ("internal", "external", "train")
    groups = [(split, JUDGED[split]) for split in order if split in study.splits]
    return _performance(study, groups, measures)


def performance_full(study: Study) -> Table:
    """Return the headline for every set and kind, apparent and out-of-fold training both."""
    measures = ("auc", "threshold", "sensitivity", "specificity", "accuracy", "ppv", "npv")
    return _performance(study, _all_sets(study), measures)


def performance_more(study: Study) -> Table:
    """Return the remaining measures for every set and kind."""
    measures = ("average_precision", "balanced_accuracy", "f1", "lr_pos", "lr_neg", "brier")
    return _performance(study, _all_sets(study), measures)


def _all_sets(study: Study) -> list[tuple[str, str]]:
    training = [("train", "apparent"), ("train", "out_of_fold")] if "train" in study.splits else []
    return training + [(split, "held_out") for split in study.splits if split != "train"]


KINDS = {"apparent": "apparent", "out_of_fold": "out-of-fold", "held_out": ""}


def _performance(study: Study, groups: list[tuple[str, str]], measures: tuple[str, ...]) -> Table:
    there = [name for name in measures if name in study.tables["metrics"]]
    rows = []
    for split, kind in groups:
        of_set = study.metric_rows(split, kind)
        if of_set.empty:
            continue
        rows.append(Row((_set_name(study, split, kind, of_set.iloc[0]),), "group"))
        for _, line in of_set.iterrows():
            cells = [model_label(str(line["model"])), *(_measure(line, name) for name in there)]
            rows.append(Row(tuple(cells)))
    heads = [MEASURES[name] for name in there]
    note = f"Parentheses: {study.level} CI"
    if "sensitivity" in there:
        note += ", of proportions Wilson's"
        note += ", at the effective sample size: patients have more than one case" * study.clustered
    return Table(("Model", *heads), tuple(rows), f"{note}.")


def _set_name(study: Study, split: str, kind: str, line: "pd.Series[Any]") -> str:
    """Return the heading of a set: `Training, apparent (45 DCIS, 80 IDC)`."""
    name = split_label(split) + (f", {KINDS[kind]}" if KINDS[kind] else "")
    return f"{name} ({fmt.counts(int(line['n_neg']), int(line['n_pos']), study.labels)})"


def _measure(line: "pd.Series[Any]", name: str) -> str:
    value, low, high = (line.get(f"{name}{bound}") for bound in ("", "_low", "_high"))
    if fmt.missing(value):
        return fmt.NOT_AVAILABLE
    if low is None or high is None:
        return fmt.number(line[name], 3)
    text = fmt.estimate(line[name], float(low), float(high))
    chosen = name == "auc" and line.get("selected_on") == "yes"
    return f"{text}, {finetuning.SELECTED_ON}" if chosen else text


def comparisons(study: Study) -> Table:
    """Return DeLong's tests, per set."""
    table = study.tables["delong"]
    rows = []
    for split in study.splits:
        for kind in ("out_of_fold", "held_out", "apparent"):
            of_set = table[(table["split"] == split) & (table["kind"] == kind)]
            if of_set.empty:
                continue
            rows.append(Row((_set_name(study, split, kind, of_set.iloc[0]),), "group"))
            for _, line in of_set.iterrows():
                pair = f"{model_label(line['model_a'])} − {model_label(line['model_b']).lower()}"
                rows.append(
                    Row(
                        (
                            pair,
                            fmt.number(line["auc_a"]),
                            fmt.number(line["auc_b"]),
                            *_tested(line),
                        )
                    )
                )
    heads = ("First − second", "AUC, first", "AUC, second", f"Difference ({study.level} CI)")
    return Table((*heads, "z", "P", "P, Holm-adjusted"), tuple(rows))


def _tested(line: "pd.Series[Any]") -> tuple[str, str, str, str]:
    """Return difference, z and P values of a comparison, or in words why there are none."""
    if line["kind"] == "apparent":
        return fmt.number(line["delta"], 3), "", "not tested", "not tested"
    why = fmt.NOT_AVAILABLE if fmt.missing(line["delta"]) else "undetermined"
    return (
        fmt.estimate(line["delta"], line["delta_low"], line["delta_high"], digits=3),
        "" if fmt.missing(line["z"]) else fmt.number(line["z"]),
        fmt.p_value(line["p"], otherwise=why),
        fmt.p_value(line["p_holm"], otherwise=why),
    )


def baseline(study: Study) -> Table:
    """Return Table 1: every variable, the classes side by side, per set."""
    table = study.tables["table1"]
    positive, negative = study.labels["positive"], study.labels["negative"]
    splits = [split for split in study.splits if split in set(table["split"])]
    heads = ["Characteristic"] + [negative, positive, "P"] * len(splits)
    spans = (("", 1), *((split_label(split), 3) for split in splits))
    rows = []
    first = table[table["split"] == splits[0]]
    keys = table[["variable", "level"]].fillna("").drop_duplicates()
    for variable in dict.fromkeys(first["variable"]):
        levels = keys.loc[keys["variable"] == variable, "level"]
        blocks = [_baseline_block(table, split, variable) for split in splits]
        head = _baseline_name(study, table, variable)
        if list(levels) in ([""], ["", "missing"]):
            rows.append(Row((head, *_baseline_cells(blocks, "", with_p=True))))
            if "missing" in set(levels):
                rows.append(_baseline_missing(blocks))
            continue
        none = [("", "", _p(block)) for block in blocks]
        rows.append(Row((head, *(cell for cells in none for cell in cells))))
        for level in levels:
            if level == "missing":
                rows.append(_baseline_missing(blocks))
            else:
                cells = _baseline_cells(blocks, level, with_p=False)
                rows.append(Row((level, *cells), "level"))
    note = "P values compare the classes within a set: " + "; ".join(_tests(table)) + "."
    if "permutations of patients" in note:
        note += (
            " Patients are permuted where one has more than one case: those with equally many "
            "cases exchange the classes of all of them."
        )
    return Table(tuple(heads), tuple(rows), note, spans)


def _baseline_name(study: Study, table: pd.DataFrame, variable: str) -> str:
    statistics = table.loc[table["variable"] == variable, "statistic"]
    if variable == "cases":
        return "Cases, n"
    return f"{study.variable_label(variable)}, {statistics.iloc[0]}"


def _baseline_block(table: pd.DataFrame, split: str, variable: str) -> pd.DataFrame:
    own = table[(table["split"] == split) & (table["variable"] == variable)].fillna(
        {"level": "", "negative": "", "positive": ""}
    )
    return own.set_index("level")


def _baseline_cells(blocks: list[pd.DataFrame], level: str, *, with_p: bool) -> list[str]:
    cells = []
    for block in blocks:
        there = level in block.index
        cells.append(str(block.loc[level, "negative"]) if there else "0")
        cells.append(str(block.loc[level, "positive"]) if there else "0")
        cells.append(_p(block) if with_p else "")
    return cells


def _baseline_missing(blocks: list[pd.DataFrame]) -> Row:
    return Row(("missing", *_baseline_cells(blocks, "missing", with_p=False)), "level")


def _p(block: pd.DataFrame) -> str:
    value = block["p"].iloc[0] if len(block) else float("nan")
    return "" if fmt.missing(value) else fmt.p_value(float(value))


def _tests(table: pd.DataFrame) -> list[str]:
    there = table[table["test"].notna() & (table["test"] != "")]
    return sorted({str(test) for test in there["test"]}) or ["not tested"]


def odds_ratios(study: Study, name: str) -> Table:
    """Return the odds ratios of `univariable` or `multivariable`."""
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
    positive = study.labels["positive"]
    return Table(heads, tuple(rows), f"Odds of {positive}. {_fitted_by(study, table)}".strip())


def _fitted_by(study: Study, table: pd.DataFrame) -> str:
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


def univariable(study: Study) -> Table:
    """Return the univariable odds ratios."""
    return odds_ratios(study, "univariable")


def multivariable(study: Study) -> Table:
    """Return the multivariable odds ratios."""
    return odds_ratios(study, "multivariable")


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
    intercept = table[table["feature"] == INTERCEPT]
    rest = table[table["feature"] != INTERCEPT]
    rest = rest.iloc[rest["coefficient"].abs().argsort(kind="stable")[::-1]]
    rows = [
        Row((str(line["feature"]), fmt.number(line["coefficient"], 3)))
        for _, line in pd.concat([rest, intercept]).iterrows()
    ]
    return Table(("Feature", "Coefficient per SD"), tuple(rows))


def equations(study: Study) -> Table:
    """Return every frozen model: its terms, coefficients on the log odds, and threshold."""
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


def published(study: Study) -> Table:
    """Return the published numbers beside this run's."""
    table = study.tables["published"].fillna({"kind": "", "inside_interval": ""})
    rows = []
    for split, kind in table[["split", "kind"]].drop_duplicates().itertuples(index=False):
        own = table[(table["split"] == split) & (table["kind"] == kind)]
        how = KINDS.get(kind, kind)
        sizes = own["n"].dropna()
        text = split_label(split) + (f", {how}" if how else "")
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


def flow(study: Study) -> Table:
    """Return how many cases and images each room was left with, and why the others went."""
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
    """Return everything that left, one line each."""
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


def registered(study: Study) -> Table:
    """Return every registered prediction, a line per case."""
    register = study.tables["register"]
    unlike = set(study.tables["warnings"]["case_id"])
    rows = []
    for case_id, own in register.groupby("case_id", sort=True):
        of_model = {line["model"]: line for line in own.to_dict("records")}
        cells = [_call(of_model.get(name)) for name in study.models]
        when = fmt.utc(own["predicted_at"].min())
        rows.append(Row((str(case_id), *cells, when, "yes" if case_id in unlike else "")))
    heads = [model_label(name) for name in study.models]
    return Table(("Case", *heads, "Predicted at", "Warnings"), tuple(rows))


def _call(line: Mapping[Hashable, Any] | None) -> str:
    """Return a probability and the class it is called: `0.81 IDC`."""
    if line is None:
        return fmt.NOT_AVAILABLE
    return f"{fmt.number(line['probability'])} {line['called']}"


def outside(study: Study) -> Table:
    """Return in what one case is unlike the training cases."""
    rows = [
        Row((line["image_id"] or "whole case", line["aspect"], line["found"], line["seen"]))
        for line in study.tables["warnings"].fillna("").to_dict("records")
    ]
    return Table(("Image", "What", "This case", "Training cases"), tuple(rows))


MOST_SHOWN = 5


def unlike(study: Study) -> Table:
    """Return in what cases are unlike the training cases: how many, and what they have."""
    rows = []
    warnings = study.tables["warnings"].fillna("")
    for (aspect, seen), own in warnings.groupby(["aspect", "seen"], sort=True):
        found = sorted(set(own["found"]))
        shown = "; ".join(found[:MOST_SHOWN]) + ("; …" if len(found) > MOST_SHOWN else "")
        rows.append(Row((str(aspect), fmt.count(own["case_id"].nunique()), shown, str(seen))))
    return Table(("What", "Cases", "They have", "Training cases have"), tuple(rows))


def development(study: Study) -> Table:
    """Return each model's AUC here beside those of its development."""
    rows = []
    table = study.tables["development"]
    for model in study.models:
        own = table[table["model"] == model]
        rows += [Row((model_label(model),), "group")] if len(own) else []
        for line in own.to_dict("records"):
            name = split_label(line["split"])
            how = KINDS.get(line["kind"], "")
            difference = (line[key] for key in ("delta", "delta_low", "delta_high"))
            rows.append(
                Row(
                    (
                        f"{name}, {how}" if how else name,
                        fmt.number(line["auc"]),
                        fmt.number(line["development_auc"]),
                        fmt.estimate(*difference),
                        fmt.p_value(line["p"], otherwise="undetermined"),
                    )
                )
            )
    heads = ("Set of the development", "AUC here", "AUC there", f"Difference ({study.level} CI)")
    return Table((*heads, "P"), tuple(rows))


def case_predictions(study: Study) -> Table:
    """Return what each model says of one case."""
    rows = [
        Row(
            (
                model_label(line["model"]),
                fmt.number(line["probability"]),
                fmt.number(line["threshold"], 3),
                str(line["called"]),
                fmt.utc(line["predicted_at"]),
            )
        )
        for line in study.tables["register"].to_dict("records")
    ]
    positive = study.labels["positive"]
    heads = ("Model", f"Probability of {positive}", "Threshold", "Called", "Predicted at")
    return Table(heads, tuple(rows))


def contributions(study: Study) -> Table:
    """Return what each term adds to one case's log odds, and each feature to the deep score."""
    rows, told = [], set()
    table = study.tables["contributions"].fillna({"case_value": "", "stands_in": ""})
    for (model, part_of), own in table.groupby(["model", "part_of"], sort=False):
        inside = part_of != "log odds"
        lines = [Row(_contribution(study, line)) for line in own.to_dict("records")]
        # Models share the deep score, unless each feature has a coefficient of the model's own.
        if inside and tuple(lines) in told:
            continue
        told.add(tuple(lines))
        heading = model_label(str(model)) + (": inside the deep score" if inside else "")
        total = fmt.number(float(own["contribution"].sum()), 3)
        sum_of = "Deep score" if inside else "Log odds"
        rows += [Row((heading,), "group"), *lines, Row((sum_of, "", total))]
    return Table(("Term", "Value", "Adds"), tuple(rows))


def _contribution(study: Study, line: Mapping[Hashable, Any]) -> tuple[str, str, str]:
    term, value = str(line["term"]), str(line["case_value"])
    if term == INTERCEPT:
        term = "Intercept"
    elif term == "deep_score" or term.startswith("deep_"):
        value = fmt.number(float(value), 3)
    if term in study.config["clinical"] or term == "deep_score":
        term = study.variable_label(term)
    if line["stands_in"]:
        value = f"{value or 'missing'}; {line['stands_in']} stands in"
    return term, value, fmt.number(float(line["contribution"]), 3)


# name of the table → how it is made, and the input it needs
TABLES: dict[str, tuple[Callable[[Study], Table], str]] = {
    "performance": (performance, "metrics"),
    "flow_table": (flow, "flow"),
    "exclusions": (exclusions, "flow"),
    "table1": (baseline, "table1"),
    "funnel": (funnel, "funnel"),
    "selected": (selected, "selected"),
    "univariable": (univariable, "univariable"),
    "multivariable": (multivariable, "multivariable"),
    "equations": (equations, "models"),
    "performance_full": (performance_full, "metrics"),
    "performance_more": (performance_more, "metrics"),
    "delong": (comparisons, "delong"),
    "finetuning": (finetuning.comparisons, "finetuning"),
    "calibration_table": (judgments.calibration, "calibration"),
    "mcnemar": (judgments.mcnemar, "mcnemar"),
    "equivalence": (judgments.equivalence, "equivalence"),
    "reclassification": (judgments.reclassification, "reclassification"),
    "optimism": (judgments.optimism, "optimism"),
    "sample_size": (judgments.sample_size, "sample_size"),
    "published_table": (published, "published"),
    "registered": (registered, "register"),
    "outside": (outside, "warnings"),
    "unlike": (unlike, "warnings"),
    "development": (development, "development"),
    "case_predictions": (case_predictions, "register"),
    "contributions": (contributions, "contributions"),
    "changes": (changes.measures, "runs"),
    "run_times": (provenance.rule_times, "times"),
    "digests": (provenance.digests, "inputs"),
}


def make(name: str, study: Study) -> Table | None:
    """Return the table of that name; None when the study has nothing to put in it."""
    build, source = TABLES[name]
    others = {"models": study.models, "times": study.times}
    if not (study.has(source) or source in study.documents or others.get(source)):
        return None
    table = build(study)
    return table if table.rows else None
