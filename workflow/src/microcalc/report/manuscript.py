"""Methods and Results, drafted from what was run, and the reporting checklists."""

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from microcalc.figures import words
from microcalc.report import findings, sentences
from microcalc.report import format as fmt
from microcalc.report.study import Study

Templates = str | os.PathLike[str]


def write(study: Study, template: Templates, versions: Mapping[str, str]) -> str:
    """Return the draft in Markdown.

    Parameters
    ----------
    study
        The results.
    template
        `workflow/report/manuscript/manuscript.md.j2`.
    versions
        Libraries and their versions.
    """
    flow = study.documents["flow"]
    text = _render(
        template,
        study=study,
        config=study.config,
        labels=study.labels,
        versions=_Known(versions),
        fmt=fmt,
        words=words,
        count=fmt.count,
        steps={step["step"]: step["cases"] for step in flow["steps"]},
        extracted=int(study.tables["funnel"]["n_features"].iloc[0]),
        variables=[study.variable_label(name) for name in study.config["clinical"]],
        limits=findings.nature(study),
        kinds=lambda model: sorted({term["kind"] for term in model["terms"]}),
        predictors=partial(_predictors, study),
        thresholds=[
            f"{words.label(name).lower()}, {fmt.number(model['threshold'])}"
            for name, model in study.models.items()
        ],
        level=f"{100 * study.config['evaluation']['confidence']:g}%",
        alpha=fmt.number(sentences.alpha(study)).removeprefix("0"),
        exclusions=sentences.exclusions(study),
        screened=sentences.screened(study),
        performance=partial(sentences.performance, study),
        compared=partial(sentences.compared, study),
        against=sentences.against(study),
    )
    return _tidy(text)


def checklist(study: Study, template: Templates) -> str:
    """Return the TRIPOD+AI and CLAIM items in Markdown, each answered or left to the authors."""
    return _tidy(_render(template, study=study, config=study.config, labels=study.labels))


class _Known(dict[str, str]):
    """Versions by name; a library that is not there has none."""

    def __missing__(self, key: str) -> str:
        return ""


def _render(template: Templates, **given: Any) -> str:
    path = Path(template)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent.parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{path.parent.name}/{path.name}").render(given)


def _predictors(study: Study, model: Mapping[str, Any]) -> str:
    return sentences.joined([study.variable_label(term["variable"]) for term in model["terms"]])


def _tidy(text: str) -> str:
    """Return paragraphs with one empty line between, and no space at a line's end."""
    # a block tag at the end of a line takes the line's end with it
    lines = [" ".join(line.split()) for line in re.sub(r"\n+(#+ )", r"\n\n\1", text).splitlines()]
    kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
    return "\n".join(kept).strip() + "\n"
