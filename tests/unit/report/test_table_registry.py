import shutil
from pathlib import Path

import pandas as pd
import pytest

from microcalc.core.files import write_csv
from microcalc.report import layout, limitations, page, submission, table_registry
from microcalc.report.findings import Finding
from microcalc.report.grid import Row, Table
from microcalc.report.study import Study
from microcalc.report.table_registry import RESULTS, Place, Result, Shown
from microcalc.report.verdicts.row_text import number_in

WORKFLOW = Path(__file__).parents[3] / "workflow"
NAMES = sorted(table.name for table, _ in table_registry.shown())


# Of these there are studies of their own: test_finetuning_text.py, test_score_text.py.
@pytest.mark.parametrize("name", sorted({*NAMES} - {"finetuning", "scores"}))
def test_every_table_is_rectangular(whole_study, name):
    table = table_registry.make(name, whole_study)
    for row in table.rows:
        assert len(row.cells) == (1 if row.kind == "group" else len(table.columns))
    assert not table.spans or sum(n for _, n in table.spans) == len(table.columns)


def test_a_table_without_its_file_is_left_out(fake, ordinary):
    files = {name: path for name, path in ordinary.items() if name != "published"}
    study = Study.read(files, config=fake["CONFIG"])
    assert table_registry.make("published_table", study) is None
    with pytest.raises(KeyError, match="no such table"):
        table_registry.make("no such table", study)


def test_names_are_unique_and_every_place_is_in_a_section():
    assert len(NAMES) == len(set(NAMES))
    paths = [result.path for result in RESULTS]
    assert len(paths) == len(set(paths))
    sections = {(room.document, room.name) for room in ALL_ROOMS}
    for table, _ in table_registry.shown():
        for place in table.places:
            where = (place.document, place.section)
            assert where in sections or where == ("manuscript", ""), table.name
    standing = [name for room in ALL_ROOMS for name in room.items]
    assert set(NAMES) <= set(standing)


ALL_ROOMS = (*layout.REPORT, *layout.COHORT, layout.CASE)


def test_files_that_some_studies_have_are_read_there_alone(fake):
    plain = table_registry.files("report", fake["CONFIG"])
    assert "evaluation/delong.csv" in plain
    assert [path for path in plain if path.startswith("selection/")] == [
        "selection/deep/funnel.csv",
        "selection/deep/selected.csv",
        "selection/deep/lasso_cv.csv",
    ]
    several = table_registry.files("report", fake["SEVERAL"])
    assert {*several} - {*plain} == {"selection/both/funnel.csv", "selection/both/selected.csv"}
    assert not {"evaluation/finetuning.csv", "models/choice.json"} & set(plain)
    assert not [path for path in plain if path.endswith("scale.csv")]
    unlabelled = table_registry.files("cohort", fake["CONFIG"], labelled=False)
    assert "history/register.csv" in unlabelled
    assert not [path for path in unlabelled if path.startswith("evaluation/")]


def test_a_place_beside_nothing_is_an_error(monkeypatch):
    lost = Shown("lost", lambda study: Table((), ()), (Place("report", "cohort", after="nowhere"),))
    monkeypatch.setattr(table_registry, "RESULTS", (*RESULTS, Result("a.csv", shown=(lost,))))
    with pytest.raises(ValueError, match="table lost: section cohort of the report has no nowhere"):
        _ = layout.ROOMS[0].items


def brier_per_reader(study):
    rows = study.tables["toy"].to_dict("records")
    cells = [Row((str(row["reader"]), f"{row['brier']:.2f}")) for row in rows]
    return Table(("Reader", "Brier score"), tuple(cells))


def poor_readers(rows):
    poor = [row["reader"] for row in rows if number_in(row, "brier") > 0.25]
    text = f"Worse than a coin: {', '.join(poor)}."
    return [Finding("warning", "A reader worse than a coin", text)] if poor else []


TOY = Result(
    "evaluation/toy.csv",
    verdict=poor_readers,
    shown=(
        Shown(
            "toy",
            brier_per_reader,
            (Place("report", "evaluation", after="mcnemar"), Place("manuscript")),
        ),
    ),
)


def test_a_new_table_is_one_entry_its_maker_and_a_caption(monkeypatch, ordinary, fake, tmp_path):
    """As CONTRIBUTING.md says it."""
    monkeypatch.setattr(table_registry, "RESULTS", (*RESULTS, TOY))
    templates = tmp_path / "report"
    shutil.copytree(WORKFLOW / "report", templates)
    (templates / "captions/toy.rst").write_text("Brier score per reader. Smaller is better.")
    write_csv(pd.DataFrame({"reader": ["A", "B"], "brier": [0.2, 0.3]}), tmp_path / "toy.csv")

    for document in ("report", "manuscript"):
        assert "evaluation/toy.csv" in table_registry.files(document, fake["CONFIG"])
    assert "toy" in table_registry.tables_of("manuscript")
    evaluation = next(room for room in layout.ROOMS if room.name == "evaluation")
    at = evaluation.items.index("toy")
    assert evaluation.items[at - 1 : at + 2] == ("mcnemar", "toy", "score_waterfall")

    files = {**ordinary, "results": [tmp_path / "toy.csv"]}
    html = page.build(
        files,
        config=fake["CONFIG"],
        template=templates / "page.html.j2",
        versions={"microcalc": "0.1.0"},
        times=tmp_path,
        rules={},
    )
    assert html.index("Brier score per reader") > html.index('id="evaluation"')
    study = Study.read(files, config=fake["CONFIG"])
    assert [f.text for f in limitations.audited(study) if "coin" in f.title] == [
        "Worse than a coin: B."
    ]
    submission.write(
        files,
        [tmp_path / "toy.tex"],
        config=fake["CONFIG"],
        templates=templates,
        versions={},
    )
    assert "Smaller is better." in (tmp_path / "toy.tex").read_text(encoding="utf-8")
