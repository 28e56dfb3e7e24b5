import re
from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.core.files import read_csv, write_csv
from microcalc.report import applied, table_registry
from microcalc.report.study import Study

FOLDER = Path(__file__).parents[3] / "workflow" / "report"


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<body>")[2]))


@pytest.fixture(scope="module")
def unlabelled(ordinary, cohort_files):
    files = {**cohort_files, "models": ordinary["models"]}
    del files["development"]
    return files


def cohort_page(files, config, *, simulated=False):
    return applied.cohort_page(
        files,
        config=config,
        frozen="demo",
        simulated=simulated,
        template=FOLDER / "cohort.html.j2",
        versions={"microcalc": "0.1.0"},
    )


def test_the_page_says_when_and_what_was_predicted(unlabelled, fake):
    text = text_of(cohort_page(unlabelled, fake["CONFIG"]))
    assert "2 cases were predicted at 2026-03-02 09:30:00" in text
    assert "None of them had a label in the case table then." in text
    assert "C2combined" in text
    assert "Predicted and since gone from the tables or the usable images: C2." in text
    assert "C4 : no image in the images table" in text
    assert "C3 : its file is damaged" in text
    assert "Too few labels are known" in text
    assert "computer-made phantoms" not in text


def test_models_of_phantoms_say_so_first(unlabelled, fake):
    text = text_of(cohort_page(unlabelled, fake["CONFIG"], simulated=True))
    assert text.index("computer-made phantoms") < text.index("2 cases were predicted")


def test_a_model_that_left_the_deep_score_out_says_so(unlabelled, left_out, fake):
    files = {**unlabelled, "models": left_out["models"]}
    assert "Combined model without the deep score" in text_of(cohort_page(files, fake["CONFIG"]))
    assert "without the deep score" not in text_of(cohort_page(unlabelled, fake["CONFIG"]))


def test_labels_bring_the_evaluation(unlabelled, cohort_files, ordinary, fake):
    measured = {name: ordinary[name] for name in ("metrics", "delong")}
    files = {**unlabelled, **measured, "development": cohort_files["development"]}
    text = text_of(cohort_page(files, fake["CONFIG"]))
    assert "Too few labels" not in text
    assert "AUC in this cohort and in the sets of the development." in text
    told = applied.cohort_summary(files, config=fake["CONFIG"])
    assert "2 cases predicted, 2 of them unlike" in told
    assert "External validation" in told
    assert "Too few labels" in applied.cohort_summary(unlabelled, config=fake["CONFIG"])


def test_like_warnings_are_counted_together(unlabelled, fake):
    table = table_registry.make("unlike", Study.read(unlabelled, config=fake["CONFIG"]))
    assert [row.cells for row in table.rows] == [
        ("unknown level", "1", "birads 6", "4A, 4B"),
        ("unknown scanner", "2", "Two", "One"),
    ]


def test_the_page_of_a_case_has_its_own_rows_alone(unlabelled, fake):
    html = applied.case_page(
        unlabelled,
        config=fake["CONFIG"],
        simulated=False,
        case_id="C2",
        template=FOLDER / "case.html.j2",
    )
    text = text_of(html)
    assert "Two" in text
    assert "C1" not in text
    assert "birads 6" not in text
    assert "6; 4B stands in" in text
    # All three models share one deep score, which is taken apart once.
    assert text.count("deep_0007") == 1
    assert text.count("−0.750") == 3


def test_a_case_id_that_is_markup_is_shown_as_text(unlabelled, fake, tmp_path):
    markup = "<script>alert(1)</script>"
    files = dict(unlabelled)
    for name in ("register", "warnings", "contributions", "included", "exclusions"):
        table = read_csv(unlabelled[name])
        table["case_id"] = table["case_id"].replace({"C2": markup, "C3": markup, "C4": markup})
        files[name] = tmp_path / f"{name}.csv"
        write_csv(table, files[name])
    config = fake["CONFIG"].model_copy(update={"study": markup})
    of_case = {"case_id": markup, "template": FOLDER / "case.html.j2", "simulated": False}
    for html in (cohort_page(files, config), applied.case_page(files, config=config, **of_case)):
        assert "<script>" not in html
        assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 2


def test_a_case_that_nothing_is_known_of_is_refused(unlabelled, fake):
    with pytest.raises(StudyError, match="case C9: nothing is known of it"):
        applied.case_page(
            unlabelled,
            config=fake["CONFIG"],
            simulated=False,
            case_id="C9",
            template=FOLDER / "case.html.j2",
        )
