"""No bad verdict of evaluation/ goes unheard, and no table is written that nobody judges."""

import re
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from microcalc.core.files import write_csv, write_text
from microcalc.plan.sharding import Shards
from microcalc.report import applied, audits, console_summary, limitations, manuscript, page
from microcalc.report.study import Study
from microcalc.report.table_registry import RESULTS, verdicts
from microcalc.run.study_run import StudyRun

WORKFLOW = Path(__file__).parents[3] / "workflow"
TEMPLATES = WORKFLOW / "report"
VERSIONS = {"microcalc": "0.1.0", "python": "3.12.1"}
HELD_OUT = {"split": "external", "kind": "held_out", "model": "deep"}
PAIR = {"split": "external", "kind": "held_out", "model_a": "deep", "model_b": "clinical",
        "n_pos": 20, "n_neg": 20}  # fmt: skip
CLEAN = {"check": "patients in two splits", "not_judged": 0, "found": 0, "verdict": "clean",
         "statement": "None among 9."}  # fmt: skip

# A table with a bad verdict, as its columns say it, and what must be heard of it.
VERDICTS = verdicts()
BAD = {
    "leakage": (
        [CLEAN, {"check": "near-duplicates in two splits", "not_judged": 3, "found": 1,
                 "verdict": "found", "statement": "images I1 (train) and I2 (external): 0.91"}],
        "Training and validation share cases",
    ),
    "confounding": (
        [{"question": "which center?", "outcome": "center A", "predictors": "deep features",
          "cases": "all", "verdict": "told", "auc": 0.85, "low": 0.8, "high": 0.9}],
        "The deep features tell the center",
    ),
    "metrics": (None, "Not shown to be better than chance"),
    "permutation": (
        [HELD_OUT | {"permutations": 200, "failed": 0, "p": 0.31}],
        "No better than permuted labels",
    ),
    "optimism": (
        [{"model": "deep", "measure": "auc", "replicates": 150, "failed": 50, "apparent": 0.9,
          "corrected": 0.49}],
        "Nothing left after correction for optimism",
    ),
    "split_lottery": (
        [HELD_OUT | {"splits": 50, "failed": 0, "median": 0.6, "p97_5": 0.7, "study_auc": 0.8}],
        "A lucky split",
    ),
    "sample_size": (
        [{"set": "train", "model": "deep", "n_required": 64315, "met": "no",
          "statement": "64,177 too few."}],
        "Fewer cases than the criteria ask for",
    ),
    "calibration": (
        [HELD_OUT | {"n_pos": 30, "n_neg": 30, "slope": 0.4, "slope_low": 0.2, "slope_high": 0.6,
                     "citl": 0.1, "citl_low": -0.3, "citl_high": 0.5}],
        "Probabilities are off",
    ),
    "recalibration": ([{"model": "deep", "slope": -0.2}], "Recalibration failed"),
    "net_benefit": (
        [HELD_OUT | {"threshold": 0.3, "model": model, "net_benefit": benefit}
         for model, benefit in (("treat_all", 0.3), ("treat_none", 0.0), ("deep", 0.2))],
        "No net benefit",
    ),
    "equivalence": (
        [PAIR | {"verdict": "inferior", "statement": "deep is inferior to clinical."}],
        "A model is inferior beyond the margin",
    ),
    "finetuning": (
        [PAIR | {"kind": "out_of_fold", "split": "train", "auc_a": 0.6, "auc_b": 0.8, "p": 0.01,
                 "delta": -0.2, "delta_low": -0.3,
                 "delta_high": -0.1}],
        "Fine-tuning did harm",
    ),
    "subgroups": (
        [HELD_OUT | {"column": "center", "group": group, "status": status, "p_interaction": p}
         for group, status, p in (("A", "ok", 0.001), ("B", "too small", None))],
        "The AUC differs between groups",
    ),
    "delong": ([PAIR | {"p": None}], "DeLong's test: some comparisons are undefined"),
    "mcnemar": (
        [PAIR | {"figure": "sensitivity", "p": None}],
        "McNemar's test: some comparisons are undefined",
    ),
    "published": ([HELD_OUT | {"inside_interval": "no"}], "Not as published"),
    "development": (
        [{"model": "deep", "split": "internal", "delta": -0.2, "delta_low": -0.3,
          "delta_high": -0.1}],
        "Worse than in development",
    ),
}  # fmt: skip


def written_tables():
    """Return the name of every table that a rule writes into evaluation/."""
    texts = [path.read_text(encoding="utf-8") for path in (WORKFLOW / "rules").glob("*.smk")]
    texts.append((WORKFLOW / "src/microcalc/plan/paths.py").read_text(encoding="utf-8"))
    return set(re.findall(r"evaluation/(\w+)\.csv", "\n".join(texts)))


def test_every_table_of_evaluation_is_judged_or_said_to_need_no_verdict():
    of_evaluation = [r for r in RESULTS if PurePosixPath(r.path).match("evaluation/*.csv")]
    assert not [r.path for r in of_evaluation if bool(r.verdict) == bool(r.no_verdict)]
    assert written_tables() == {r.name for r in of_evaluation}
    assert len(written_tables()) > 20


def test_every_judged_table_has_a_bad_one_here_and_is_read():
    assert set(BAD) == set(VERDICTS)
    judged = {r.name: set(r.documents) for r in RESULTS if r.verdict}
    # A cohort that frozen models are applied to has no manuscript.
    assert judged.pop("development") == {"cohort"}
    assert not [name for name, read_by in judged.items() if not {"report", "manuscript"} <= read_by]
    applying = (WORKFLOW / "rules/apply.smk").read_text(encoding="utf-8")
    of_cohort = applying[applying.index("rule evaluate_cohort") : applying.index("rule map_case")]
    written = set(re.findall(r'in_study\("evaluation/(\w+)\.csv', of_cohort))
    assert len(written) > 5
    for name in written & judged.keys() - {"published"}:
        assert "cohort" in judged[name], name


def bad_files(files, name, folder, fake):
    """Return a study's files with one table made bad."""
    rows, title = BAD[name]
    if name == "metrics":
        table = pd.read_csv(files["metrics"])
        deep = (table.model == "deep") & (table.kind == "held_out")
        table.loc[deep, ["auc", "auc_low", "auc_high"]] = 0.55, 0.41, 0.69
    else:
        whole = pd.read_csv(files[name]) if name in files else pd.DataFrame()
        bad = pd.DataFrame(rows)
        table = bad.reindex(columns=[*dict.fromkeys([*whole.columns, *bad.columns])])
    write_csv(table, folder / f"{name}.csv")
    return {**files, name: [folder / f"{name}.csv"], "audited": [folder / f"{name}.csv"]}, title


@pytest.mark.parametrize("name", [name for name in BAD if name != "development"])
def test_a_bad_verdict_is_heard_in_all_five_places(name, ordinary, fake, tmp_path):
    files, title = bad_files(ordinary, name, tmp_path, fake)
    config = fake["CONFIG"]
    study = Study.read(files, config=config)
    html = page.build(files, config=config, template=TEMPLATES / "page.html.j2",
                      versions=VERSIONS, times=tmp_path, rules={})  # fmt: skip
    shown = title.replace("'", "&#39;")
    first = html.index('<section id="first"')
    assert first < html.index(shown, first) < html.index('<section id="results"')
    assert "gave no warnings" not in html

    text = console_summary.build(files, config=config)
    assert title in text
    write_text(text, tmp_path / "report/summary.md")
    write_text(html, tmp_path / "report/report.html")
    assert title in StudyRun(Shards.__new__(Shards), tmp_path).summary(lambda path: True)

    assert title in manuscript.write(study, TEMPLATES / "manuscript/manuscript.md.j2", VERSIONS)
    checked = manuscript.checklist(study, TEMPLATES / "manuscript/checklist.md.j2", VERSIONS)
    assert title in next(line for line in checked.splitlines() if line.startswith("- **26 "))
    assert title in next(line for line in checked.splitlines() if line.startswith("- **40 "))


def test_of_a_new_cohort_the_page_and_the_console_say_it(cohort_files, ordinary, fake, tmp_path):
    files, title = bad_files(cohort_files, "development", tmp_path, fake)
    files |= {name: ordinary[name] for name in ("models", "metrics", "delong", "calibration")}
    config = fake["CONFIG"]
    html = applied.cohort_page(
        files, config=config, frozen="demo", simulated=True, versions=VERSIONS,
        template=TEMPLATES / "cohort.html.j2",
    )  # fmt: skip
    assert html.index("Before you read</h2>") < html.index(title) < html.index('id="evaluation"')
    assert title in applied.cohort_summary(files, config=config)


def test_clean_tables_say_nothing():
    clean = {
        "leakage": [CLEAN],
        "confounding": [{"question": "which center?", "verdict": "not told"}],
        "metrics": [HELD_OUT | {"auc": 0.8, "auc_low": 0.7, "auc_high": 0.9}],
        "permutation": [HELD_OUT | {"permutations": 200, "failed": 0, "p": 0.005}],
        "optimism": [{"model": "deep", "measure": "auc", "failed": 0, "corrected": 0.7}],
        "split_lottery": [HELD_OUT | {"failed": 0, "p97_5": 0.8, "study_auc": 0.7}],
        "sample_size": [{"met": "yes"}],
        "calibration": [
            HELD_OUT | {"slope": 0.9, "slope_low": 0.6, "slope_high": 1.2, "citl": 0.1,
                        "citl_low": -0.3, "citl_high": 0.5, "n_pos": 9, "n_neg": 9}
        ],
        "recalibration": [{"model": "deep", "slope": 0.8}],
        "net_benefit": [
            HELD_OUT | {"threshold": 0.3, "model": model, "net_benefit": benefit}
            for model, benefit in (("treat_all", 0.1), ("treat_none", 0.0), ("deep", 0.2))
        ],
        "equivalence": [PAIR | {"verdict": "not shown"}],
        "finetuning": [PAIR | {"delta_high": 0.1}],
        "subgroups": [HELD_OUT | {"status": "ok", "p_interaction": 0.2}],
        "delong": [PAIR | {"p": 0.9}],
        "mcnemar": [PAIR | {"p": 1.0}],
        "published": [HELD_OUT | {"inside_interval": "yes"}],
        "development": [{"model": "deep", "delta_high": 0.1}],
    }  # fmt: skip
    assert set(clean) == set(VERDICTS)
    assert audits.of_tables(clean) == []
    assert audits.of_tables({}) == []
    assert console_summary.before_you_read([]) == "The run gave no warnings."


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("empty", ["", None, float("nan")])
def test_empty_cells_and_missing_columns_stop_nothing(name, empty):
    rows = BAD[name][0] or [HELD_OUT]
    audits.of_tables({name: [dict.fromkeys(row, empty) for row in rows]})
    audits.of_tables({name: [{}]})


def test_equal_findings_of_many_models_and_sets_are_one():
    rows = [
        HELD_OUT | {"model": f"m{i}", "split": split, "auc": 0.5, "auc_low": 0.4, "auc_high": 0.6}
        for i in range(9)
        for split in ("internal", "external")
    ]
    (found,) = audits.of_tables({"metrics": rows})
    assert found.text.endswith("; and 12 more.")


def test_one_subgroup_test_of_many_is_judged_among_them():
    rows = [HELD_OUT | {"column": f"c{i}", "status": "ok", "p_interaction": 0.5} for i in range(39)]
    rows.append(HELD_OUT | {"column": "age", "status": "ok", "p_interaction": 0.01})
    assert audits.of_tables({"subgroups": rows}) == []
    rows[-1]["p_interaction"] = 0.001
    (found,) = audits.of_tables({"subgroups": rows})
    assert "correction for 40 tests" in found.text


@pytest.mark.parametrize(("failed", "kind"), [(1, "note"), (40, "warning")])
def test_failed_replicates_are_counted(failed, kind):
    rows = [{"model": "deep", "measure": "auc", "replicates": 200 - failed, "failed": failed,
             "corrected": 0.7}]  # fmt: skip
    (found,) = audits.of_tables({"optimism": rows})
    assert (found.kind, found.title) == (kind, "Some bootstrap samples failed")
    assert found.text.startswith(f"Of 200 bootstrap samples, {failed} could not be fitted")


def test_pairs_that_could_not_be_judged_are_told():
    rows = [CLEAN | {"check": "near-duplicates in two splits", "not_judged": "1,2".replace(",", ""),
                     "verdict": "not all judged"}]  # fmt: skip
    (found,) = audits.of_tables({"leakage": rows})
    assert found.kind == "note"
    assert found.text.startswith("12 pairs of images of two patients show too little tissue")


def test_a_model_s_notes_reach_the_console(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    study.models["deep"]["notes"].append("the fit did not converge")
    assert "The fit did not converge." in console_summary.before_you_read(
        limitations.warnings(study)
    )


def test_what_could_not_be_told_apart_is_a_note():
    (found,) = audits.of_tables({"equivalence": [PAIR | {"verdict": "undetermined"}]})
    assert (found.kind, found.title) == ("note", "Equivalence undetermined")
    assert found.text == "Nothing can be said of deep against clinical in external validation."
