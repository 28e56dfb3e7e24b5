"""A user's words stay text, whatever they look like."""

import zipfile
from pathlib import Path

import pytest
from tests.unit.configs import changed, study_config
from tests.unit.report.test_submission import DRAFT, VERSIONS

from microcalc.report import literal_text, manuscript, office
from microcalc.report.study import Study


@pytest.mark.parametrize(
    ("word", "escaped"),
    [
        ("*IDC*", r"\*IDC\*"),
        ("<b>", r"\<b\>"),
        ("a|b", r"a\|b"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("_low_", r"\_low\_"),
        ("size_mm", "size_mm"),
        ("DCIS", "DCIS"),
    ],
)
def test_marks_of_a_word_are_escaped(word: str, escaped: str) -> None:
    text = literal_text.set_apart(f"**All** cases of {word}.", [word])
    assert literal_text.as_markdown(text) == f"**All** cases of {escaped}."
    assert literal_text.as_plain(text) == f"**All** cases of {word}."


def test_what_is_no_word_of_the_user_keeps_its_meaning() -> None:
    assert literal_text.set_apart("**a** `b` *c*", ["c"]) == "**a** `b` *c*"
    assert literal_text.set_apart("a**b**c and **", ["**"]) == (
        f"a**b**c and {literal_text.literal('**')}"
    )


def test_every_word_of_a_config_that_is_the_users_is_known() -> None:
    config = study_config(
        labels={"negative": "<neg>", "positive": "*pos*", "surrogate": "[why]"},
        cohort={"development_centers": ["`A`"]},
        clinical={"size|mm": {"kind": "ordinal", "levels": ["<5", ">5"], "label": "~Size~"}},
    )
    words = literal_text.users_words(config)
    assert {"<neg>", "*pos*", "[why]", "`A`", "size|mm", "<5", ">5", "~Size~"} <= set(words)


def test_labels_that_look_like_markdown_are_text_in_the_draft_and_in_word(
    ordinary: dict[str, str], fake: dict, tmp_path: Path
) -> None:
    names = {"negative": "**DCIS**", "positive": "<i>IDC"}
    study = Study.read(ordinary, config=changed(fake["CONFIG"], labels=names))
    text = manuscript.write(study, DRAFT, VERSIONS)
    shown = literal_text.as_markdown(text)
    assert r"\*\*DCIS\*\*" in shown
    assert r"\<i\>IDC" in shown
    assert "<i>" not in shown
    office.write_markdown(text, tmp_path / "draft.docx")
    with zipfile.ZipFile(tmp_path / "draft.docx") as archive:
        document = archive.read("word/document.xml").decode()
    assert "**DCIS**" in document
    assert "&lt;i&gt;IDC" in document
    assert not literal_text._APART.search(document)
