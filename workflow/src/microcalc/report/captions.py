"""Captions and alternative texts: templates filled in from config and results."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2

from microcalc.core.errors import StudyError
from microcalc.figures import number_format
from microcalc.report import format as fmt
from microcalc.report import score_text
from microcalc.report.study import Study

PER_SPLIT = re.compile(r"(?P<name>.+)_(?P<split>train|internal|external)")


@dataclass(frozen=True)
class Caption:
    """What stands under a figure or over a table.

    Attributes
    ----------
    title
        Its first sentence.
    text
        The sentences after it.
    alt
        What a reader who cannot see the figure is told; empty for a table.
    """

    title: str
    text: str
    alt: str


def write(stem: str, study: Study, folder: Path, *, kind: str) -> Caption:
    """Return the caption of the figure or table called `stem`.

    Parameters
    ----------
    stem
        `roc_internal` takes the template `roc.rst` with split internal, `lasso_cv` its own.
    study
        The results, for templates that branch on them.
    folder
        Where `captions/` lies (and `alt/`, for figures). The templates see `snakemake.config` and
        `snakemake.wildcards` as in Snakemake's own report, where the config is a mapping
        (`config.seed` reads either), and here also `study` and `fmt`.
    kind
        "figure" or "table"; a figure must have an alternative text.

    Raises
    ------
    StudyError
        When there is no template for it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain sentences; the page escapes them
    )
    name, split = _parts(stem)
    wildcards: dict[str, Any] = {"split": split} if split else {}
    given = {
        "snakemake": SimpleNamespace(config=study.config, wildcards=wildcards),
        "study": study,
        "config": study.config,
        "fmt": fmt,
        "number_format": number_format,
        "score_text": score_text,
    }
    texts = {}
    wanted = {"captions": ".rst"} | ({"alt": ".txt"} if kind == "figure" else {})
    for part, suffix in wanted.items():
        try:
            template = environment.get_template(f"{part}/{name}{suffix}")
        except jinja2.TemplateNotFound:
            raise StudyError(
                f"the {kind} {stem} has no {part}/{name}{suffix} in workflow/report; write one"
            ) from None
        texts[part] = " ".join(template.render(given).split())
    # a sentence ends at a stop before a space and a capital; "95% CI. Bars" but not "P < .05"
    title, _, text = re.sub(
        r"(?<=[a-zλ\)0-9])\.\s+(?=\(?[A-ZΑ-Ω])", ".\n", texts["captions"]
    ).partition("\n")
    methods = score_text.transductive(study.config)
    if methods:
        title = f"Transductive ({methods}). {title}"
    return Caption(title, " ".join(text.split()), texts.get("alt", ""))


def _parts(stem: str) -> tuple[str, str]:
    match = PER_SPLIT.fullmatch(stem)
    return (match["name"], match["split"]) if match else (stem, "")
