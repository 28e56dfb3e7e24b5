"""Methods and Results, drafted from what was run, and the reporting checklists."""

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from microcalc.figures import number_format
from microcalc.report import finetuning_text, limitations, literal_text, narrative, score_text
from microcalc.report import format as fmt
from microcalc.report.findings import told
from microcalc.report.study import Study

Templates = str | os.PathLike[str]


def write(study: Study, template: Templates, versions: Mapping[str, str]) -> str:
    """Return the draft in Markdown, the marks in the user's words set apart: see `literal_text`.

    Parameters
    ----------
    study
        The results.
    template
        `workflow/report/manuscript/manuscript.md.j2`.
    versions
        Libraries and their versions.
    """
    return _render(
        template,
        study,
        versions,
        steps={step["step"]: step["cases"] for step in study.documents["flow"]["steps"]},
        selected=[narrative.selected(study, score) for score in study.selected_scores],
        variables=study.variable_names(study.config.clinical),
        limits=limitations.nature(study),
        warnings=limitations.warnings(study),
        described=partial(narrative.described, study),
        thresholds=[
            f"{number_format.label(name).lower()}, {fmt.number(model['threshold'])}"
            for name, model in study.models.items()
        ],
        alpha=fmt.plain(narrative.alpha(study)),
        characteristics=narrative.characteristics(study),
        exclusions=narrative.exclusions(study),
        screened=narrative.screened(study),
        performance=partial(narrative.performance, study),
        compared=partial(narrative.compared, study),
        decided=partial(narrative.decided, study),
        calibrated=partial(narrative.calibrated, study),
        finetuned=finetuning_text.paragraphs(study),
        corrected=narrative.corrected(study),
        against=narrative.against(study),
    )


def checklist(study: Study, template: Templates, versions: Mapping[str, str]) -> str:
    """Return the TRIPOD+AI and CLAIM items in Markdown, each answered or left to the authors.

    Parameters
    ----------
    study
        The results.
    template
        `workflow/report/manuscript/checklist.md.j2`.
    versions
        Libraries and their versions.
    """
    return _render(
        template,
        study,
        versions,
        warned=told(limitations.warnings(study)),
        leaked=narrative.leaked(study),
    )


class _Known(dict[str, str]):
    """Versions by name; a library that is not there has none."""

    def __missing__(self, key: str) -> str:
        return ""


def _render(template: Templates, study: Study, versions: Mapping[str, str], **given: Any) -> str:
    path = Path(template)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent.parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(f"{path.parent.name}/{path.name}").render(
        study=study,
        config=study.config,
        labels=study.labels,
        versions=_Known(versions),
        fmt=fmt,
        number_format=number_format,
        score_text=score_text,
        count=fmt.count,
        extracted=study.left_after("extracted", study.main_score),
        **given,
    )
    return literal_text.set_apart(_tidy(text), literal_text.users_words(study.config))


def _tidy(text: str) -> str:
    """Return paragraphs, headings and lists as Markdown has them, each paragraph in one line."""
    # a block tag at the end of a line takes the line's end with it
    apart = re.sub(r"\n*^(#+ .*)$\n*", r"\n\n\1\n\n", text, flags=re.M)
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", apart):
        lines = [" ".join(line.split()) for line in paragraph.splitlines() if line.strip()]
        if lines:
            paragraphs.append(("\n" if lines[0].startswith("- ") else " ").join(lines))
    return "\n\n".join(paragraphs) + "\n"
