"""Sentences of the manuscript that change with the results; every number is looked up.

A function returns whole sentences unless it says that they are a part of one; where the table
that it names is absent or has no row the text is empty, or says so. `split` is a set whose cases
are judged by the kind of prediction in `study.JUDGED`.

Examples
--------
>>> import pandas as pd
>>> from microcalc.config.study_config import StudyConfig
>>> from microcalc.report import narrative
>>> from microcalc.report.study import Study
>>> config = StudyConfig.of({
...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
...     "features": {"deep": {"kind": "network", "weights": "random"}}, "clinical": {},
... })
>>> optimism = {"model": "deep", "measure": "auc", "apparent": 0.84, "optimism": 0.06}
>>> interval = {"corrected": 0.78, "corrected_low": 0.7, "corrected_high": 0.85}
>>> tables = {"optimism": pd.DataFrame([optimism | interval])}
>>> study = Study(config=config, tables=tables, documents={}, models={}, figures={})
>>> narrative.corrected(study)[:67]
'Optimism-corrected AUCs in the training set were 0.78 (0.70–0.85) f'
>>> narrative.screened(study), narrative.alpha(study)
('The study has no clinical variable.', 0.05)
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from microcalc.config.score_names import score_column, score_of, score_words
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report import score_text
from microcalc.report.study import JUDGED, Study

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel

Row = Mapping[Any, Any]


def alpha(study: Study) -> float:
    """Return the level of the tests: one minus the confidence of the intervals."""
    return round(1 - study.config.evaluation.confidence, 10)


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

    Examples
    --------
    >>> from microcalc.report import narrative
    >>> row = {"model_a": "deep", "model_b": "clinical", "auc_a": 0.8, "auc_b": 0.7, "method": ""}
    >>> test = {"delta": 0.1, "delta_low": -0.02, "delta_high": 0.22, "p_holm": 0.1}
    >>> narrative.comparison(row | test, 0.05)[:74]
    'No difference in AUC between the deep model and the clinical model was sho'
    >>> narrative.comparison(row | {"p_holm": ""}, 0.05)[:52]
    'Whether the AUCs of the deep model and the clinical '
    """
    a, b = (f"the {model_label(row[key]).lower()} model" for key in ("model_a", "model_b"))
    if fmt.missing(row["auc_a"]):
        return f"The AUCs of {a} and {b} could not be compared."
    if fmt.missing(row["p_holm"]):
        return (
            f"Whether the AUCs of {a} and {b} differ is undetermined "
            f"({fmt.number(row['auc_a'])} vs {fmt.number(row['auc_b'])}; no variance of the "
            "difference can be estimated)."
        )
    numbers = (
        f"{fmt.number(row['auc_a'])} vs {fmt.number(row['auc_b'])}; difference, "
        f"{fmt.difference(row['delta'], row['delta_low'], row['delta_high'])}; "
        f"Holm-adjusted P {fmt.p_value(row['p_holm'], equals=True)}"
    )
    if row["p_holm"] < level:
        relation = "higher" if row["delta"] > 0 else "lower"
        return f"The AUC of {a} was {relation} than that of {b} ({numbers})."
    if row["delta"] == 0 and str(row["method"]).startswith("exact"):
        return f"{_capital(a)} and {b} ranked these cases alike ({numbers})."
    if verdict == "equivalent":
        return f"The AUCs of {a} and {b} were equivalent within the margin ({numbers})."
    margin = f"; within the margin, {a} was not inferior" if verdict == "non-inferior" else ""
    return f"No difference in AUC between {a} and {b} was shown ({numbers}){margin}."


def performance(study: Study, split: str) -> str:
    """Return the AUC, sensitivity and specificity of every model in a set, in one sentence.

    The numbers are those of `metrics.csv`, each with its interval.
    """
    parts = []
    for row in study.metric_rows(split).to_dict("records"):
        name = f"the {model_label(row['model']).lower()} model"
        if fmt.missing(row["auc"]):
            parts.append(f"the AUC of {name} could not be estimated")
            continue
        if _same_for_all(study, split, row["model"]):
            positive = row["tp"] + row["fp"] > 0
            called = study.labels.positive if positive else study.labels.negative
            parts.append(
                f"{name}, with one probability for every case and so an AUC of 0.50 by "
                f"definition, called every case {called}"
            )
            continue
        auc = fmt.estimate(row["auc"], row["auc_low"], row["auc_high"])
        chosen = ", selected on," if row.get("selected_on") == "yes" else ","
        parts.append(
            f"{name} reached an AUC of {auc}{chosen} a sensitivity of "
            f"{_share(row, 'sensitivity', 'tp', 'n_pos')} and a specificity of "
            f"{_share(row, 'specificity', 'tn', 'n_neg')}"
        )
    return f"{fmt.joined(parts, apart=';')}."


def _share(row: Mapping[Any, Any], measure: str, counted: str, among: str) -> str:
    """Return a proportion with its numbers of cases and its interval: `0.88 (77 of 88; …)`."""
    value, low, high = (row[f"{measure}{bound}"] for bound in ("", "_low", "_high"))
    counts = f"{row[counted]:.0f} of {row[among]:.0f}"
    return f"{fmt.number(value)} ({counts}; {fmt.interval(low, high)})"


def compared(study: Study, split: str) -> str:
    """Return one sentence per comparison of models in a set, see `comparison`.

    The tests are those of `delong.csv`; nothing is said of two models that both give every case of
    the set one probability.
    """
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
        if row["split"] == split
        and row["kind"] == kind
        and not all(_same_for_all(study, split, row[key]) for key in ("model_a", "model_b"))
    ]
    return " ".join(said)


def _same_for_all(study: Study, split: str, name: str) -> bool:
    """Return whether a model gives every case of a set one probability.

    Out of fold it may not: each fold has an intercept, and features, of its own.
    """
    return JUDGED[split] == "held_out" and name in study.models and _constant(study.models[name])


def _constant(model: "FrozenModel") -> bool:
    """Return whether a frozen model is an intercept alone."""
    empty = {score_column(part["name"]) for part in model["scores"] if not part["features"]}
    return {term["variable"] for term in model["terms"]} <= empty


TESTS = {
    "Welch": "Welch's t test",
    "Mann–Whitney": "the Mann–Whitney test",
    "chi²": "the chi² test",
    "Fisher": "Fisher's exact test",
    "Fisher, simulated": "Fisher's exact test (simulated)",
}


def characteristics(study: Study) -> str:
    """Return by which tests `table1.csv` compares the classes; nothing where it compares none."""
    if not study.has("table1"):
        return ""
    names = sorted(study.tables["table1"]["test"].dropna().unique())
    tests = [TESTS[name] for name in names if name in TESTS]
    permuted = [name for name in names if name and name not in TESTS]
    said = f"Characteristics of the classes were compared by {fmt.joined(tests)}. " if tests else ""
    if permuted:
        said += (
            "Where patients had more than one case, they were compared by permutation tests, in "
            "which patients with equally many cases exchange the classes of all of them "
            f"({fmt.joined(permuted, apart=';')})."
        )
    return said.strip()


def exclusions(study: Study) -> str:
    """Return how many cases and images left and why, by `flow.json`."""
    flow = study.documents["flow"]
    reasons = []
    for room in flow["rooms"]:
        for reason in room["reasons"]:
            parts = [_plural(reason[key], key[:-1]) for key in ("cases", "images") if reason[key]]
            reasons.append(f"{fmt.joined(parts)} ({reason['reason']})")
    return f"Excluded were {fmt.joined(reasons)}." if reasons else "No case or image was excluded."


def screened(study: Study) -> str:
    """Return which clinical variables were predictors, by the screening's own rule.

    The odds ratios are those of `univariable.csv` and `multivariable.csv`.
    """
    if not study.has("univariable"):
        return "The study has no clinical variable."
    if not study.screens:
        return "No model took its clinical predictors from a screening; the tables describe them."
    method = study.config.screening.method
    ratios = _odds_ratios(study)
    if method == "fixed":
        told = "Odds ratios of the predictors fixed beforehand"
        return f"{told} were: {ratios}." if ratios else "No predictor was fixed beforehand."
    if method == "backward_aic":
        kept = f"Backward selection by Akaike's criterion kept {ratios}."
        return kept if ratios else "Backward selection by Akaike's criterion kept no variable."
    passed = _kept(study, "univariable")
    limit = fmt.plain(study.config.screening.p_univariable)
    if not passed:
        positive = study.labels.positive
        return f"No clinical variable alone was associated with {positive} (P < {limit})."
    were = "was" if len(passed) == 1 else "were"
    first = (
        f"Taken one at a time, {study.variable_names(passed)} {were} associated with "
        f"{study.labels.positive} (P < {limit})."
    )
    if not ratios:
        return f"{first} None was an independent predictor in the multivariable model."
    only = len(_kept(study, "multivariable")) == 1
    what = "The independent predictor was" if only else "Independent predictors were"
    return f"{first} {what} {ratios}."


def _odds_ratios(study: Study) -> str:
    """Return each predictor of the multivariable model with its P and odds ratios."""
    if not study.has("multivariable"):
        return ""
    table = study.tables["multivariable"].fillna({"level": ""})
    told = []
    for name in _kept(study, "multivariable"):
        rows = table[table["variable"] == name].to_dict("records")
        ratios = [
            fmt.ratio(row["odds_ratio"], row["or_low"], row["or_high"])
            + (f" for {row['level']}" if row["level"] else "")
            for row in rows
            if not fmt.missing(row["or_low"])
        ]
        reference = [row["level"] for row in rows if row["level"] and fmt.missing(row["or_low"])]
        against_it = f", against {reference[0]}" if reference else ""
        p = fmt.p_value(rows[0]["p_variable"], equals=True)
        heading = "odds ratio" if len(ratios) == 1 else "odds ratios"
        told.append(
            f"{study.variable_name(name)} (P {p}; {heading}, {fmt.joined(ratios)}{against_it})"
        )
    return fmt.joined(told, apart=";")


def described(study: Study, model: "FrozenModel") -> str:
    """Return what a frozen model is made of, and which scores were left out, inside a sentence.

    Parameters
    ----------
    study
        Whose config names the model.
    model
        One of its frozen models.
    """
    told = model.get("notes", [])
    names = [
        name
        for name in study.config.scores
        if any(note.startswith(score_text.left_out(name)) for note in told)
    ]
    if not names:
        return _made_of(study, model)
    were, its = ("was", "its coefficient") if len(names) == 1 else ("were", "their coefficients")
    return (
        f"{_made_of(study, model)}; the {score_text.scores(names)} {were} left out, since {its} "
        "would not be above 0"
    )


def _made_of(study: Study, model: "FrozenModel") -> str:
    terms = model["terms"]
    if not terms:
        return "an intercept alone, the same probability for every case"
    scores = [score_of(term["variable"]) for term in terms if term["kind"] == "score"]
    if len(terms) == len(scores) == 1 and scores[0] in study.config.models[model["name"]].scores:
        constant = ", here the same for every case" if _constant(model) else ""
        return f"the {score_words(scores[0])} alone{constant}"
    told = [study.variable_name(term["variable"]) for term in terms if term["kind"] != "score"]
    told += [_score_in(study, model, name) for name in scores]
    return f"a logistic regression of {fmt.joined(told)}"


def _score_in(study: Study, model: "FrozenModel", score: str) -> str:
    """Return a score among a model's predictors, or the features that enter one by one."""
    if score in study.config.models[model["name"]].scores:
        return f"the {score_words(score)}"
    (part,) = (part for part in model["scores"] if part["name"] == score)
    features = score_text.features_of(study.config, score)
    return _plural(len(part["features"]), features.removesuffix("s"))


def selected(study: Study, score: str) -> str:
    """Return how many features the selection behind a score left, by its `funnel.csv`."""
    extracted, ranked = (fmt.count(study.left_after(step, score)) for step in ("extracted", "mRMR"))
    kept = study.kept(score)
    if len(study.config.scores) > 1:
        called = score_words(score)
        if kept:
            return (
                f"For the {called}, {ranked} of {extracted} features were ranked and {kept} had a "
                "coefficient at the chosen penalty."
            )
        return (
            f"For the {called} the LASSO kept none of {extracted} features: it was the same for "
            "every case."
        )
    if kept:
        return (
            f"Of {extracted} features, {ranked} were ranked and {kept} had a coefficient at the "
            "chosen penalty."
        )
    model = score_text.alone(study.config, score)
    alone = f", and the {model_label(model).lower()} model is an intercept only" if model else ""
    return (
        f"The LASSO kept none of the {extracted} features: the {score_words(score)} was "
        f"the same for every case{alone}."
    )


def decided(study: Study, split: str) -> str:
    """Return where the models' sensitivity or specificity differ, by the tests of `mcnemar.csv`.

    Nothing where no two models' decisions were tested in that set.
    """
    if not study.has("mcnemar"):
        return ""
    rows = [
        row
        for row in study.tables["mcnemar"].to_dict("records")
        if row["split"] == split
        and row["kind"] == JUDGED[split]
        and row["figure"] in ("sensitivity", "specificity")
        and not fmt.missing(row["p_holm"])
        # a model that calls every case alike decides nothing
        and not any(_same_for_all(study, split, row[key]) for key in ("model_a", "model_b"))
    ]
    if not rows:
        return ""
    different = [
        f"{row['figure']} of the {model_label(row['model_a']).lower()} against the "
        f"{model_label(row['model_b']).lower()} model ({fmt.number(row['a'])} vs "
        f"{fmt.number(row['b'])}; difference, "
        f"{fmt.difference(row['difference'], row['low'], row['high'])}; "
        f"Holm-adjusted P {fmt.p_value(row['p_holm'], equals=True)})"
        for row in rows
        if row["p_holm"] < alpha(study)
    ]
    if not different:
        judged = " or ".join(dict.fromkeys(str(row["figure"]) for row in rows))
        return f"At the thresholds, no difference in {judged} was shown."
    return f"At the thresholds, these differed: {fmt.joined(different, apart=';')}."


def calibrated(study: Study, split: str) -> str:
    """Return calibration in the large and slope of every model in a set, by `calibration.csv`."""
    if not study.has("calibration"):
        return ""
    parts = [
        f"{fmt.estimate(row['citl'], row['citl_low'], row['citl_high'])} and "
        f"{fmt.estimate(row['slope'], row['slope_low'], row['slope_high'])} for the "
        f"{model_label(row['model']).lower()} model"
        for row in study.rows_of("calibration", split)
        if not fmt.missing(row["slope"])
    ]
    return f"Calibration intercept and slope were {fmt.joined(parts, apart=';')}." if parts else ""


def corrected(study: Study) -> str:
    """Return the optimism-corrected AUCs of `optimism.csv`; nothing where none was asked for."""
    if not study.has("optimism"):
        return ""
    rows = [row for row in study.tables["optimism"].to_dict("records") if row["measure"] == "auc"]
    parts = [
        f"{fmt.estimate(row['corrected'], row['corrected_low'], row['corrected_high'])} for the "
        f"{model_label(row['model']).lower()} model "
        f"(apparent {fmt.number(row['apparent'])}, optimism {fmt.number(row['optimism'])})"
        for row in rows
    ]
    return f"Optimism-corrected AUCs in the training set were {fmt.joined(parts)}." if parts else ""


def leaked(study: Study) -> str:
    """Return how much the search for cases shared by two sets found, inside a sentence.

    It counts what `leakage.csv` says of two splits.
    """
    if not study.has("leakage"):
        return "its result is not known"
    rows = study.tables["leakage"]
    across = rows[rows["check"].str.contains("in two splits")]
    found = int(across["found"].sum())
    return f"{_plural(found, 'finding')}, see item 40" if found else "none was found"


def against(study: Study) -> str:
    """Return how many published numbers lie inside this run's intervals, by `published.csv`."""
    if not study.has("published"):
        return ""
    # a published training value stands beside the apparent figure too, and counts once
    table = study.tables["published"]
    inside = table.loc[table["kind"] != "apparent", "inside_interval"].fillna("")
    known = int(inside.isin(["yes", "no"]).sum())
    if not known:
        return ""
    text = (
        f"Of {known} published values ({study.config.published.citation}), "
        f"{int((inside == 'yes').sum())} lay inside this run's intervals."
    )
    if study.simulated:
        text += " Since the images are simulated, this says nothing about the publication."
    return text


def _kept(study: Study, name: str) -> list[str]:
    table = study.tables[name]
    kept = table[table["kept"].astype(str).str.lower() == "true"]
    return list(dict.fromkeys(kept["variable"]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plural(n: int, what: str) -> str:
    return f"{n} {what if n == 1 else what + 's'}"
