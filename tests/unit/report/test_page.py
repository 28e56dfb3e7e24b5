import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from tests.scripts import run_script
from tests.unit.configs import changed

from microcalc.core.files import read_csv, write_csv
from microcalc.report import page

TEMPLATE = Path(__file__).parents[3] / "workflow" / "report" / "page.html.j2"
VERSIONS = {"microcalc": "0.1.0", "python": "3.11"}
VOID = {"meta", "img", "link", "br", "input", "hr"}


class Outline(HTMLParser):
    """Headings, ids, images and links of a page; complains about tags that do not match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.images, self.links, self.headings = [], [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.images += [attrs] if tag == "img" else []
        self.links += [attrs["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)


RULES = {"models": ["screen_clinical", "predict", "fit_models"], "report": ["write_report"]}


def build(files, config, times="no/such/folder"):
    return page.build(
        files, config=config, template=TEMPLATE, versions=VERSIONS, times=times, rules=RULES
    )


@pytest.fixture(scope="module")
def html(ordinary, fake):
    return build(ordinary, fake["CONFIG"])


def text_of(html):
    return " ".join(
        re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", html, flags=re.S)).split()
    )


def test_the_page_is_well_formed_and_every_link_lands(html):
    outline = Outline(html)
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)


def test_nothing_comes_from_elsewhere(html):
    assert re.findall(r"(?:src|href)=\"(?!#|data:)", html) == []
    assert "url(" not in html
    assert "http://" not in text_of(html)


def test_every_figure_has_an_alternative_text(html):
    images = Outline(html).images
    assert len(images) == 4
    assert all(len(image["alt"]) > 40 for image in images)
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in images)


def test_limits_come_before_warnings_before_results_before_rooms(html):
    order = [
        "Phantoms are not patients",
        'id="first"',
        'id="results"',
        *(f'<section id="{room}"' for room in ["cohort", "images", "features", "selection"]),
        *(f'<section id="{room}"' for room in ("models", "evaluation", "run")),
    ]
    places = [html.index(text) for text in order]
    assert places == sorted(places)


def test_contact_sheets_are_on_the_page_and_lead_to_the_whole_ones(ordinary, fake, tmp_path):
    preview = tmp_path / "figures" / "gallery-0.jpg"
    preview.parent.mkdir()
    Image.new("RGB", (1000, 484), "gray").save(preview)
    outline = Outline(build(ordinary | {"galleries": [preview]}, fake["CONFIG"]))
    (image,) = (image for image in outline.images if image["src"].startswith("data:image/jpeg"))
    assert (image["width"], image["height"]) == ("1000", "484")
    assert "../figures/gallery-0.png" in outline.links


def test_the_first_run_has_no_section_of_changes(html):
    assert "Since the last run" not in text_of(html)


def test_run_times_and_digests_stand_at_the_end(ordinary, fake, tmp_path):
    (tmp_path / "predict.tsv").write_text("s\tmax_rss\n75.2\t310.5\n")
    text = text_of(build(ordinary, fake["CONFIG"], times=tmp_path))
    assert "predict 1 1 min 15 s 1 min 15 s 310" in text
    assert "Case table " + "ab" * 32 in text
    assert "screen_clinical" not in text  # it did not run


def test_exclusions_stand_before_the_first_number(html):
    assert html.index("label missing") < html.index("Performance of the models")


def test_the_page_of_a_study_where_the_lasso_keeps_nothing_says_so(nothing, fake):
    text = text_of(build(nothing, fake["CONFIG"]))
    assert "The LASSO kept no deep feature" in text
    assert text.index("The LASSO kept no deep feature") < text.index("Main results Table")


def test_models_of_every_kind_are_said_to_be_so(ordinary, fake):
    config = changed(
        fake["CONFIG"],
        models={
            "paper": {"clinical": "screened", "features_of": ["deep"]},
            "reader": {"kind": "external_score", "column": "suspicion"},
        },
        screening={"missing": "multiple"},
    )
    text = text_of(build(ordinary, config))
    assert "The paper model takes the selected deep features one by one, without a penalty" in text
    assert "The reader model is the score suspicion from elsewhere" in text
    assert "a missing value takes the training median or most frequent level" in text


def test_the_page_of_a_study_with_tiny_sets_is_built(tiny, fake):
    assert "one class only" in text_of(build(tiny, fake["CONFIG"]))


MARKUP = "<script>alert('&quot;')</script><img src=x onerror=alert(1)>"


def test_names_that_are_markup_are_shown_as_text(ordinary, fake, html, tmp_path):
    config = changed(
        fake["CONFIG"],
        labels={"negative": f"not {MARKUP}", "positive": MARKUP, "surrogate": MARKUP},
        clinical={"age": {"label": MARKUP, "unit": MARKUP}},
        published={"citation": MARKUP},
    ).model_copy(update={"study": MARKUP})  # which the config itself refuses
    files = dict(ordinary)
    for name, path in ordinary.items():
        if str(path).endswith(".csv"):
            table = read_csv(path)
            for column in ("case_id", "image_id", "center", "level", "reason", "group"):
                if column in table:
                    table[column] = table[column].map(lambda text: f"{text}{MARKUP}", "ignore")
            files[name] = tmp_path / f"{name}.csv"
            write_csv(table, files[name])
    found = build(files, config)
    Outline(found)
    for markup in ("<script", "<img", "onerror=alert(1)>"):
        assert found.count(markup) == html.count(markup)
    assert found.count("&lt;script&gt;alert(") > 20


def test_the_folder_of_the_images_is_not_shown(ordinary, fake):
    config = changed(fake["CONFIG"], cohort={"image_folder": "/data/DOE^JANE"})
    assert "DOE^JANE" not in build(ordinary, config)


def test_the_same_results_give_the_same_page(ordinary, fake, html):
    assert build(ordinary, fake["CONFIG"]) == html


def test_the_script_writes_the_page(ordinary, fake, tmp_path):
    run_script(
        "write_report",
        log=tmp_path / "log",
        input=ordinary | {"template": str(TEMPLATE)},
        output={"report": tmp_path / "report.html", "summary": tmp_path / "summary.md"},
        params={"config": fake["CONFIG"].plain(), "times": tmp_path, "rules": RULES},
    )
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert "| **External validation" in (tmp_path / "summary.md").read_text()


def test_a_model_without_its_deep_score_reads_as_what_it_is(left_out, fake):
    text = text_of(build(left_out, fake["CONFIG"]))
    assert "Combined model without the deep score" in text
    equation = text[text.index("Combined: logistic regression") :]
    assert "Deep score" not in equation[: equation.index("Threshold on the probability")]
