import html
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from tests.unit.configs import changed

from microcalc.core.errors import StudyError
from microcalc.report import captions, layout, table_registry
from microcalc.report.study import Study

FOLDER = Path(__file__).parents[3] / "workflow" / "report"
PER_SPLIT = {"roc"}


@pytest.fixture(scope="module")
def study(ordinary, fake):
    return Study.read(ordinary, config=fake["CONFIG"])


def items():
    rooms = (layout.FRONT, *layout.ROOMS, *layout.COHORT, layout.CASE)
    return list(dict.fromkeys(name for room in rooms for name in room.items))


@pytest.mark.parametrize("name", items())
def test_everything_on_the_page_has_a_caption_of_whole_sentences(study, name):
    kind = "table" if table_registry.find(name) else "figure"
    caption = captions.write(name, study, FOLDER, kind=kind)
    assert caption.title[0].isupper()
    assert not caption.title.endswith(".") or caption.text
    assert caption.text.endswith(".")
    assert "{" not in caption.title + caption.text + caption.alt
    assert bool(caption.alt) == (kind == "figure")
    assert ". " not in caption.title


def test_a_caption_branches_on_the_config(study, fake):
    lasso = {"choose": "lambda_1se", "criterion": "auc", "repeats": 3}
    config = changed(fake["CONFIG"], selection={"lasso": lasso})
    other = Study(config, study.tables, study.documents, study.models, study.figures)
    text = captions.write("lasso_cv", study, FOLDER, kind="figure").text
    assert "smallest deviance (λ min" in text
    assert "estimates no performance" in text
    by_auc = captions.write("lasso_cv", other, FOLDER, kind="figure")
    assert "largest AUC (λ 1SE, solid" in by_auc.text
    assert "deviance" not in by_auc.title + by_auc.text + by_auc.alt
    assert "repeated 3 times" in by_auc.title


def test_transductive_results_are_labelled_in_every_caption(study, fake):
    config = changed(fake["CONFIG"], features={"deep": {"harmonize": "combat"}})
    other = Study(config, study.tables, study.documents, study.models, study.figures)
    for name, kind in (("performance", "table"), ("roc_external", "figure")):
        plain = captions.write(name, study, FOLDER, kind=kind).title
        labelled = captions.write(name, other, FOLDER, kind=kind).title
        assert labelled == f"Transductive (ComBat). {plain}"
        assert "ransductive" not in plain


@pytest.mark.parametrize(("stem", "split"), [("roc_external", "external"), ("saliency", "")])
def test_snakemakes_own_report_says_the_same_of_a_config_of_plain_values(study, stem, split):
    template = (FOLDER / "captions" / f"{stem.partition('_')[0]}.rst").read_text()
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    for chosen in ({"rule": "youden"}, {"rule": "sensitivity", "at_least": 0.95}):
        config = changed(study.config, threshold=chosen)
        job = SimpleNamespace(config=config.plain(), wildcards={"split": split})
        text = html.unescape(strict.from_string(template).render(snakemake=job))
        caption = captions.write(stem, replace(study, config=config), FOLDER, kind="figure")
        assert f"{caption.title} {caption.text}" == " ".join(text.split())


def test_published_numbers_are_no_measure_of_a_simulated_run_alone(study):
    real = replace(study, config=study.config.model_copy(update={"simulate": None}))
    for name, kind in (("published", "figure"), ("published_table", "table")):
        assert "simulated" in captions.write(name, study, FOLDER, kind=kind).text
        assert "simulated" not in captions.write(name, real, FOLDER, kind=kind).text


def test_a_caption_branches_on_the_result(nothing, study, fake):
    empty = Study.read(nothing, config=fake["CONFIG"])
    assert "The LASSO kept none" in captions.write("funnel", empty, FOLDER, kind="table").text
    assert "kept none" not in captions.write("funnel", study, FOLDER, kind="table").text


def test_the_alternative_text_gives_the_numbers(study):
    alt = captions.write("roc_internal", study, FOLDER, kind="figure").alt
    assert "Clinical: AUC 0." in alt


def test_a_figure_without_a_caption_is_an_error(study):
    with pytest.raises(StudyError, match=r"mystery.*captions/mystery\.rst"):
        captions.write("mystery", study, FOLDER, kind="figure")
