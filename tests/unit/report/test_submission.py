"""The draft, the checklist and the tables: what they say for different outcomes."""

import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from tests.unit.configs import changed

from microcalc.report import captions, manuscript, narrative, office, submission, table_registry
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study
from microcalc.report.tables import baseline_table, performance_tables, regression_tables

WORKFLOW = Path(__file__).parents[3] / "workflow"
TEMPLATES = WORKFLOW / "report"
DRAFT = TEMPLATES / "manuscript" / "manuscript.md.j2"
VERSIONS = {"microcalc": "0.1.0", "python": "3.12.1"}
ROW = {
    "model_a": "deep", "model_b": "clinical", "auc_a": 0.9, "auc_b": 0.7, "delta": 0.2,
    "delta_low": 0.1, "delta_high": 0.3, "p_holm": 0.0004,
}  # fmt: skip


def draft(files, fake, **changes):
    study = Study.read(files, config=changed(fake["CONFIG"], **changes))
    return manuscript.write(study, DRAFT, VERSIONS)


def test_a_better_model_is_called_better():
    assert narrative.comparison(ROW, 0.05) == (
        "The AUC of the deep model was higher than that of the clinical model (0.90 vs 0.70; "
        "difference, 0.20 (0.10–0.30); Holm-adjusted P < .001)."
    )


def test_a_bound_below_zero_is_not_printed_as_zero():
    row = ROW | {"delta": 0.035, "delta_low": -0.003, "delta_high": 0.074, "p_holm": 0.21}
    assert "difference, 0.035 (−0.003 to 0.074)" in narrative.comparison(row, 0.05)


def test_a_worse_model_is_called_worse():
    row = ROW | {"auc_a": 0.6, "delta": -0.1, "delta_low": -0.19, "delta_high": -0.01}
    said = narrative.comparison(row | {"p_holm": 0.03}, 0.05)
    assert "deep model was lower than that of the clinical" in said
    assert "P = .03" in said


def test_what_is_not_shown_is_not_called_equal():
    said = narrative.comparison(ROW | {"p_holm": 0.2, "delta_low": -0.1}, 0.05, "not shown")
    assert said.startswith("No difference in AUC between the deep model and the clinical model")
    assert not re.search(r"equal|equivalent|similar|comparable|inferior", said)


def test_equivalence_is_said_only_where_it_was_shown():
    assert "equivalent" in narrative.comparison(ROW | {"p_holm": 0.9}, 0.05, "equivalent")


def test_not_inferior_is_no_equality():
    said = narrative.comparison(ROW | {"p_holm": 0.2}, 0.05, "non-inferior")
    assert said.startswith("No difference in AUC")
    assert said.endswith("; within the margin, the deep model was not inferior.")


def test_models_that_rank_alike_are_not_called_equivalent():
    alike = {"auc_b": 0.9, "delta": 0.0, "delta_low": -0.1, "delta_high": 0.1, "p_holm": 1.0}
    alike["method"] = "exact, 40 disjoint pairs of cases, all alike"
    said = narrative.comparison(ROW | alike, 0.05, "equivalent")
    assert said.startswith("The deep model and the clinical model ranked these cases alike (0.90")
    assert "equivalent" not in said


def test_a_difference_without_variance_is_said_to_be_undetermined():
    nothing = dict.fromkeys(("delta_low", "delta_high", "z", "p", "p_holm"), float("nan"))
    said = narrative.comparison(ROW | nothing, 0.05)
    assert said.startswith(
        "Whether the AUCs of the deep model and the clinical model differ is und"
    )
    assert "nan" not in said
    assert "P <" not in said


def test_proportions_come_with_their_numbers_of_cases(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    row = study.metric_rows("external").set_index("model").loc["deep"]
    said = narrative.performance(study, "external")
    for measure, counted, among in (("sensitivity", "tp", "n_pos"), ("specificity", "tn", "n_neg")):
        share = f"{row[measure]:.2f} ({row[counted]:.0f} of {row[among]:.0f}; "
        assert f"a {measure} of {share}" in said
        assert row[counted] / row[among] == pytest.approx(row[measure])


def test_a_set_of_one_class_is_not_compared(tiny, fake):
    text = draft(tiny, fake)
    assert "could not be compared" in text
    assert "nan" not in text.lower().split()


def test_the_draft_states_the_choices_that_were_made(ordinary, fake):
    text = draft(ordinary, fake)
    assert "out-of-fold training scores" in text
    assert "smallest deviance (lambda min)" in text
    assert "45 DCIS, 80 IDC" in text
    other = draft(
        ordinary,
        fake,
        threshold={"scores": "apparent"},
        features={"deep": {"weights": "IMAGENET1K_V2"}},
    )
    assert "on apparent training scores" in other
    assert "IMAGENET1K_V2" in other
    assert "random" not in other.partition("## Methods")[2]


CHOICES = [
    (
        {"threshold": {"rule": "sensitivity", "at_least": 0.95}},
        "gave a sensitivity of at least 0.95 and the highest specificity",
        "Youden",
    ),
    ({"screening": {"test": "wald"}}, "a Wald P below .05 alone", "likelihood-ratio"),
    (
        {"screening": {"method": "fixed", "variables": ["age", "birads"]}},
        "Odds ratios of the predictors fixed beforehand were: palpable (P = .008; odds ratio, "
        "3.00 (1.32–6.84) for yes, against no)",
        "associated with",
    ),
    (
        {"screening": {"method": "backward_aic"}},
        "Akaike's criterion kept palpable",
        "one at a time",
    ),
    ({"screening": {"missing": "multiple"}}, "Rubin's rules", "an indicator of being missing"),
    ({"images": {"crop": "fit"}}, "reach 2 mm beyond each region", "squares of 22.4 mm"),
    ({"images": {"normalization": "none"}}, "on the scale of the file", "percentile"),
    ({"images": {"on_error": "fail"}}, "would have stopped the study", "was excluded with its"),
    (
        {"features": {"deep": {"layers": ["layer3"], "pool_views": "max"}}},
        "at layer3, their maximum over the views",
        "classification layer",
    ),
    ({"images": {"patch_mm": 25, "spacing_mm": 1}}, "to 1 mm and cut to squares of 25 mm", ".0 mm"),
    (
        {"features": {"deep": {"stability": {"perturbations": 3, "shift_mm": 3, "icc_min": 1}}}},
        "by up to 3 mm along each axis, scaled by up to 10% and turned by up to 10°; features with "
        "an ICC(2,1) below 1 on",
        "10.0°",
    ),
    (
        {
            "images": {"reader": "r1"},
            "features": {"deep": {"stability": {"readers": ["r2", "r3"]}}},
        },
        "between the regions of r1, r2 and r3,",
        "drawn a little differently",
    ),
    (
        {"selection": {"mrmr": {"discretize_sd": 1}, "filters": {"min_variance": 0}}},
        "at the mean ± 1 SD into three levels",
        "variance above 0.0",
    ),
    ({"features": {"deep": {"harmonize": "combat"}}}, "Transductive: each external", "AdaBN"),
    (
        {"features": {"deep": {"weights": "my.pth"}}},
        "[How the given weights were trained",
        "no image.",
    ),
    (
        {"selection": {"lasso": {"criterion": "auc", "choose": "lambda_1se"}}},
        "the largest within one standard error of the largest AUC (lambda 1SE)",
        "deviance",
    ),
    ({"selection": {"lasso": {"alpha": 0.5}}}, "an elastic-net (alpha 0.5)", "a LASSO logistic"),
    ({"evaluation": {"auc_interval": "logit"}}, "DeLong's on the logit scale", "Newcombe's"),
    ({"evaluation": {"auc_interval": "plain"}}, "AUCs are DeLong's; ", "Newcombe's"),
    ({"evaluation": {"confidence": 0.9}}, "90% confidence intervals", "95%"),
    ({"cohort": {"development_centers": []}}, "given with the case table", "were divided"),
]


@pytest.mark.parametrize(("changes", "said", "unsaid"), CHOICES)
def test_the_draft_follows_every_choice(ordinary, fake, changes, said, unsaid):
    usual, text = draft(ordinary, fake), draft(ordinary, fake, **changes)
    assert said in text
    assert said not in usual
    assert unsaid not in text


@pytest.mark.parametrize(
    ("screening", "said", "unsaid"),
    [
        ({}, "likelihood-ratio statistics were multiplied", "before pooling"),
        ({"test": "wald"}, "rest on F and t", "were multiplied"),
        ({"missing": "multiple"}, "before pooling", "were multiplied"),
    ],
)
def test_repeated_patients_in_training_are_told_with_what_was_done(
    ordinary, fake, tmp_path, screening, said, unsaid
):
    assert "Some patients had several training cases" not in draft(ordinary, fake)
    table = pd.read_csv(ordinary["univariable"])
    of_rows = ["maximum likelihood, corrected for repeated patients"] * len(table)
    of_rows[0] = "Firth, corrected for repeated patients"
    table.assign(method=of_rows).to_csv(tmp_path / "univariable.csv", index=False)
    files = ordinary | {"univariable": tmp_path / "univariable.csv"}
    text = draft(files, fake, screening=screening)
    assert "Some patients had several training cases. The correlation of outcomes" in text
    assert said in text
    assert unsaid not in text
    note = regression_tables.univariable(Study.read(files, config=fake["CONFIG"])).note
    assert "Fitted by maximum likelihood, corrected for repeated patients; " in note
    assert "since the data separate, corrected for repeated patients." in note


def test_pooled_tests_are_not_called_likelihood_ratios(ordinary, fake):
    config = changed(fake["CONFIG"], screening={"missing": "multiple"})
    study = Study.read(ordinary, config=config)
    for name in ("univariable", "multivariable"):
        text = captions.write(name, study, TEMPLATES, kind="table").text
        assert "pooled Wald (D1) P below" in text
        assert "likelihood-ratio" not in text
    assert "a pooled Wald (D1) P below .05 alone" in manuscript.write(study, DRAFT, VERSIONS)


def test_no_text_speaks_of_youden_where_another_rule_chose(ordinary, fake):
    rule = {"threshold": {"rule": "specificity", "at_least": 0.9}}
    study = Study.read(ordinary, config=changed(fake["CONFIG"], **rule))
    for name in ("roc_internal", "performance", "equations", "confusion", "score_waterfall"):
        kind = "table" if table_registry.find(name) else "figure"
        assert "Youden" not in captions.write(name, study, TEMPLATES, kind=kind).text
    assert (
        "specificity of at least 0.9"
        in captions.write("roc_internal", study, TEMPLATES, kind="figure").text
    )


def test_a_split_of_the_users_own_is_said(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    study.documents["inputs"]["columns"]["case table"].append("split")
    assert "given with the case table" in manuscript.write(study, DRAFT, VERSIONS)


def test_every_number_of_the_performance_is_that_of_the_metrics(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    for row in study.metric_rows("external").to_dict("records"):
        assert f"an AUC of {row['auc']:.2f} (" in narrative.performance(study, "external")


def test_every_figure_and_table_the_draft_points_to_is_made(ordinary, fake):
    pointed = set(re.findall(r"(?:tables|figures)/\w+", draft(ordinary, fake)))
    figures = (WORKFLOW / "rules/figures.smk").read_text()
    assert len(pointed) == 11
    for kind, name in (place.split("/") for place in pointed):
        if kind == "tables":
            assert name in table_registry.tables_of("manuscript")
        else:
            assert f"figures/{name}" in figures or name.startswith("roc_")


def test_a_lasso_that_keeps_nothing_is_said(nothing, fake):
    text = draft(nothing, fake)
    assert "The LASSO kept none of the 2,048 features" in text
    assert "The deep model was the deep score alone, here the same for every case." in text
    external = text.partition("In the external validation set")[2].partition("\n")[0]
    assert "the deep model, with one probability for every case" in external
    assert "called every case IDC" in external
    decided = external.partition("At the thresholds")[2].partition("Calibration")[0]
    assert decided
    assert "deep" not in decided


def test_two_models_of_one_probability_are_not_compared(nothing, fake):
    study = Study.read(nothing, config=fake["CONFIG"])
    study.models["clinical"] = {**study.models["clinical"], "terms": []}
    text = narrative.compared(study, "external")
    assert "deep model and the clinical model" not in text
    assert "combined model and the deep model" in text or "combined model was" in text


@pytest.mark.parametrize(("heading", "items"), [("TRIPOD", 52), ("CLAIM", 44)])
def test_every_item_of_the_checklists_is_there(ordinary, fake, heading, items):
    study = Study.read(ordinary, config=fake["CONFIG"])
    text = manuscript.checklist(study, TEMPLATES / "manuscript" / "checklist.md.j2", VERSIONS)
    part = next(part for part in text.split("\n## ") if part.startswith(heading))
    lines = re.findall(r"^- \*\*\d+[a-g]? .+?\*\* .+", part, re.M)
    assert len(lines) == items


TABLE = Table(
    ("Model", "AUC"),
    (Row(("External (5 A, 6 B)",), "group"), Row(("A & B_1", "0.71 (0.6–0.8), < .001"))),
    "100% of cases",
)


def test_latex_escapes_what_latex_would_read(tmp_path):
    text = office.latex_table(TABLE, "50% & more")
    assert r"A \& B\_1 & 0.71 (0.6--0.8), \textless{} .001 \\" in text
    assert r"\multicolumn{2}{l}{\textbf{External (5 A, 6 B)}} \\" in text
    assert text.count(r"\begin") == text.count(r"\end")
    assert text.startswith("% \\usepackage{booktabs}\n\\begin{table}")


NASTY = ("[0, 5)", "* 50% & $x_1$", r"\input{/etc/passwd}", "<w:p/>]]>&amp;", "#1 ~^{}", "−½ µm")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX on this machine")
def test_latex_sets_whatever_a_cell_holds(tmp_path):
    table = Table(NASTY, tuple(Row(NASTY[i:] + NASTY[:i]) for i in range(6)), "; ".join(NASTY))
    text = office.latex_table(table, "; ".join(NASTY))
    (tmp_path / "table.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,rotating,textcomp}\usepackage[T1]{fontenc}"
        rf"\begin{{document}}{text}\end{{document}}"
    )
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([*command, "table.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "/etc/passwd)" not in done.stdout


def test_word_shows_whatever_a_cell_holds(tmp_path):
    table = Table(NASTY, (Row(NASTY), Row(NASTY, "level"), Row(NASTY[:1], "group")), NASTY[2])
    office.write_table(table, NASTY[3], tmp_path / "table.docx")
    with zipfile.ZipFile(tmp_path / "table.docx") as archive:
        document = ElementTree.fromstring(archive.read("word/document.xml"))  # noqa: S314 - ours
    texts = [node.text for node in document.iter() if node.tag.endswith("}t")]
    assert [text for text in texts if text in NASTY].count(NASTY[0]) == 3
    assert not [node for node in document.iter() if node.tag.endswith("}instrText")]


def test_word_files_are_well_formed_and_the_same_every_time(ordinary, fake, tmp_path):
    names = ["manuscript.docx", "tables/table1.docx", "tables/delong.tex", "checklist.md"]
    given = {"config": fake["CONFIG"], "templates": TEMPLATES, "versions": VERSIONS}
    for folder in ("one", "two"):
        submission.write(ordinary, [tmp_path / folder / name for name in names], **given)
    for name in names:
        first = (tmp_path / "one" / name).read_bytes()
        assert first == (tmp_path / "two" / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / "tables" / "table1.docx") as archive:
        for part in archive.namelist():
            ElementTree.fromstring(archive.read(part))  # noqa: S314 - made here
        document = archive.read("word/document.xml").decode()
    assert "Characteristics of the included cases" in document
    assert document.count("<w:tbl>") == 1


def test_an_empty_table_says_so_and_explains_nothing(ordinary, fake, tmp_path):
    given = {"config": fake["CONFIG"], "templates": TEMPLATES, "versions": VERSIONS}
    empty = tmp_path / "multivariable.csv"
    empty.write_text(Path(ordinary["multivariable"]).read_text().splitlines()[0] + "\n")
    out = tmp_path / "tables" / "multivariable.tex"
    submission.write(ordinary | {"multivariable": empty}, [out], **given)
    text = out.read_text()
    assert "nothing to show" in text
    assert "independent predictors" not in text


@pytest.fixture
def repeated(ordinary, fake):
    """Return the study as it would be had some patients two lesions."""
    study = Study.read(ordinary, config=fake["CONFIG"])
    baseline = study.tables["table1"].copy()
    baseline["test"] = baseline["test"].replace(
        {"Welch": "difference of means, 9,999 permutations of patients"}
    )
    metrics = study.tables["metrics"]
    with_repeats = {
        "metrics": metrics.assign(n_patients=metrics["n"] - 1), "table1": baseline
    }  # fmt: skip
    return replace(study, tables={**study.tables, **with_repeats})


def test_wilsons_intervals_are_named_as_they_are(ordinary, fake, repeated):
    plain = Study.read(ordinary, config=fake["CONFIG"])
    plain.tables["metrics"]["n_patients"] = plain.tables["metrics"]["n"]
    effective = "at the effective sample size"
    for study, wanted in ((plain, False), (repeated, True)):
        told = (
            manuscript.write(study, DRAFT, VERSIONS),
            captions.write("performance", study, TEMPLATES, kind="table").text,
            performance_tables.performance(study).note,
        )
        for text in told:
            assert "of proportions" in text
            assert "Wilson's" in text
            assert (effective in text) is wanted


def test_table_1_and_the_draft_name_its_tests(ordinary, fake, repeated):
    plain = Study.read(ordinary, config=fake["CONFIG"])
    there = set(plain.tables["table1"]["test"].dropna()) - {""}
    assert there & set(narrative.TESTS) == there
    said = narrative.characteristics(plain)
    assert said.startswith("Characteristics of the classes were compared by ")
    assert all(narrative.TESTS[test] in said for test in there)
    assert said in manuscript.write(plain, DRAFT, VERSIONS)
    assert "permut" not in captions.write("table1", plain, TEMPLATES, kind="table").text
    # Study.clustered looks at the metrics
    assert "exchange patients" in captions.write("table1", repeated, TEMPLATES, kind="table").text
    said = narrative.characteristics(repeated)
    assert "(difference of means, 9,999 permutations of patients)" in said
    assert said in manuscript.write(repeated, DRAFT, VERSIONS)
    assert "exchange the classes of all of them" in baseline_table.baseline(repeated).note


def test_without_tests_the_draft_says_nothing_of_them(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    none = study.tables["table1"].assign(test="")
    bare = replace(study, tables={**study.tables, "table1": none})
    assert narrative.characteristics(bare) == ""


def test_a_deep_score_that_was_left_out_is_told(left_out, ordinary, fake):
    text = draft(left_out, fake)
    assert (
        "The combined model was a logistic regression of age and palpable; the deep score was "
        "left out, since its coefficient would not be above 0." in text
    )
    assert "The combined model and the clinical model ranked these cases alike" in text
    assert "held at 0 or above" in text
    study = Study.read(left_out, config=fake["CONFIG"])
    caption = captions.write("nomogram", study, TEMPLATES, kind="table")
    assert caption.title.startswith("Nomogram of the combined model")
    assert "the deep score was left out, since" not in draft(ordinary, fake)
    alone = {"combined": {"clinical": "none"}}
    assert "held at 0 or above" not in draft(ordinary, fake, models=alone)


def test_clustered_decisions_are_compared_by_the_test_that_was_used(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    assert "compared by McNemar's test" in manuscript.write(study, DRAFT, VERSIONS)
    metrics = study.tables["metrics"]
    metrics = metrics.assign(n_patients=metrics["n"] - 1)
    several = replace(study, tables=study.tables | {"metrics": metrics})
    text = manuscript.write(several, DRAFT, VERSIONS)
    assert "compared by an exact sign-flip test over patients" in text
