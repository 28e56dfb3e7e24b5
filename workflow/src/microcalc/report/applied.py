"""The pages of frozen models on a new cohort: one for the cohort, one for a case."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import with_detail
from microcalc.report import format as fmt
from microcalc.report import layout, score_text
from microcalc.report.console_summary import before_you_read, markdown
from microcalc.report.findings import Finding
from microcalc.report.limitations import audited, nature, of_scores
from microcalc.report.page import Numbering, read_template
from microcalc.report.study import Files, Study
from microcalc.report.tables.performance_tables import performance

Place = str | os.PathLike[str]


def cohort_page(
    files: Files,
    *,
    config: StudyConfig,
    frozen: str,
    simulated: bool,
    template: Place,
    versions: Mapping[str, str],
) -> str:
    """Return the page of a cohort as HTML.

    Parameters
    ----------
    files
        What `table_registry` says that this page reads, and by these names models and figures.
    config
        The whole config, defaults filled in.
    frozen
        The name of the study that froze the models.
    simulated
        Whether they were fitted on phantoms.
    template
        `workflow/report/cohort.html.j2`.
    versions
        Libraries and their versions.
    """
    study = Study.read(files, config=config)
    numbered = Numbering(study, Path(template).parent)
    return read_template(template).render(
        study=study,
        fmt=fmt,
        frozen=frozen,
        limits=_limits(study, simulated=simulated),
        warnings=audited(study),
        register=_facts(study),
        sections=[numbered.section(room) for room in layout.COHORT],
        versions=versions,
    )


def cohort_summary(files: Files, *, config: StudyConfig) -> str:
    """Return what the console prints: how many were predicted, and how the models did.

    Parameters
    ----------
    files
        As for `cohort_page`.
    config
        The whole config, defaults filled in.

    Returns
    -------
    str
        Lines of text, with a table in Markdown where labels are known.
    """
    study = Study.read(files, config=config)
    facts = _facts(study)
    lines = [
        f"Cohort {config.study}: {facts['cases']} cases predicted, {facts['unlike']} of them "
        "unlike the training cases in some way; nothing was fitted."
    ]
    if study.has("metrics"):
        table = performance(study)
        lines += ["", markdown(table), "", table.note, "", before_you_read(audited(study))]
    else:
        lines += ["Too few labels are known to evaluate anything."]
    return "\n".join(lines) + "\n"


def case_page(
    files: Files, *, config: StudyConfig, simulated: bool, case_id: str, template: Place
) -> str:
    """Return the page of one case as HTML: predictions, warnings, map and contributions.

    Parameters
    ----------
    files
        What `table_registry` says that this page reads, and by these names models and figures.
    config
        The whole config, defaults filled in.
    simulated
        Whether the models were fitted on phantoms.
    case_id
        Which case.
    template
        `workflow/report/case.html.j2`.

    Raises
    ------
    StudyError
        When no table knows the case, or its figure has no caption.
    """
    study = Study.read(files, config=config).of_case(case_id)
    numbered = Numbering(study, Path(template).parent)
    return read_template(template).render(
        study=study,
        fmt=fmt,
        case_id=case_id,
        limits=_limits(study, simulated=simulated),
        section=numbered.section(layout.CASE),
    )


def _limits(study: Study, *, simulated: bool) -> list[Finding]:
    found, config = nature(study), study.config
    if simulated:
        text = "The models were fitted on computer-made phantoms; they say nothing about people."
        found.append(Finding("limit", "Models of simulated images", text))
    # The config names the file that was prepared then, whatever it was prepared from.
    random = [
        name for name in _random_sets(study) if name not in score_text.random_networks(config)
    ]
    if random:
        who, has, was = "network", "has", "was"
        if len(random) > 1:
            who, has, was = "networks", "have", "were"
        text = (
            f"The {who} behind the {score_text.features(random)} {has} random weights and {was} "
            "trained on nothing."
        )
        found.append(Finding("limit", "Random network weights", text))
    return found + of_scores(study)


def _random_sets(study: Study) -> list[str]:
    """Return the sets whose networks had random weights when the models were frozen."""
    parts = {
        name: part for model in study.models.values() for name, part in model["tables"].items()
    }
    random = [
        feature_sets.of_table(name)
        for name, part in parts.items()
        if part.get("weights", {}).get("source", "").startswith("random")
    ]
    return list(dict.fromkeys(random))


def _facts(study: Study) -> dict[str, Any]:
    """Return what the register says, in numbers and times."""
    register, included = study.tables["register"], study.tables["included"]
    of_case = register.drop_duplicates("case_id")
    now = set(included.loc[included["status"] == "included", "case_id"])
    gone = study.tables["exclusions"]
    lost = included[included["status"] != "included"]
    return {
        "cases": len(of_case),
        "times": sorted(
            {fmt.utc(register["predicted_at"].min()), fmt.utc(register["predicted_at"].max())}
        ),
        "label_known": int((of_case["label_known"] == "yes").sum()),
        "chain": register["chain"].iloc[-1] if len(register) else "",
        "withdrawn": sorted(set(of_case["case_id"]) - now),
        "unlike": int(study.tables["warnings"]["case_id"].nunique()),
        "excluded": [
            *zip(gone["case_id"], gone["reason"], strict=True),
            *zip(
                lost["case_id"],
                map(with_detail, lost["reason"].astype(str), lost["detail"].fillna("").astype(str)),
                strict=True,
            ),
        ],
    }
