"""The results that the report's documents read: one entry per file of results.

An entry says which documents read the file, what of it a reader must know before the first number
(or why it can hold no bad verdict), and which tables for people are made of it, where they stand.
Every job on a cluster reads this, so that no maker imports a heavy library.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from microcalc.config import feature_sets
from microcalc.config.study_config import StudyConfig
from microcalc.report import changes
from microcalc.report.findings import Finding
from microcalc.report.grid import Table
from microcalc.report.study import Study
from microcalc.report.tables import (
    applied_tables,
    baseline_table,
    comparison_tables,
    flow_tables,
    performance_tables,
    provenance_tables,
    published_table,
    regression_tables,
    selection_tables,
    validation_tables,
)
from microcalc.report.verdicts import (
    calibration_verdicts,
    data_verdicts,
    performance_verdicts,
    refit_verdicts,
)

Document = Literal["report", "manuscript", "cohort", "case"]
Verdict = Callable[[Sequence[Mapping[str, Any]]], list[Finding]]

BOTH: tuple[Document, ...] = ("report", "manuscript")
EVERY: tuple[Document, ...] = (*BOTH, "cohort")
APPLIED: tuple[Document, ...] = ("cohort", "case")


@dataclass(frozen=True)
class Place:
    """Where a table stands.

    Attributes
    ----------
    document
        The report's page, the manuscript (a file for Word and one for LaTeX), the page of a cohort
        that frozen models were applied to, or that of one of its cases.
    section
        A section of the page, see `layout`; empty in the manuscript.
    after, before
        The table or figure of that section next to it; without either it stands at the end.
    """

    document: Document
    section: str = ""
    after: str = ""
    before: str = ""


@dataclass(frozen=True)
class Shown:
    """A table for people.

    Attributes
    ----------
    name
        Its name, and its caption's: `workflow/report/captions/<name>.rst`.
    make
        Returns the table from a study's results; one without rows is left out.
    places
        Where it stands.
    """

    name: str
    make: Callable[[Study], Table]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Result:
    """A file of results that the documents read.

    Attributes
    ----------
    path
        Below the study's results; `{score}` stands for a score's folder.
    documents
        Which documents read it.
    verdict
        What it says that a reader must know before the first number, from its rows. A table of
        `evaluation/` has either this or `no_verdict`.
    no_verdict
        Why it can hold no bad verdict.
    shown
        The tables for people that are made of it.
    exists
        Whether a study of this config has it; every study without.
    of_scores
        Of which scores it is read.
    """

    path: str
    documents: tuple[Document, ...] = BOTH
    verdict: Verdict | None = None
    no_verdict: str = ""
    shown: tuple[Shown, ...] = ()
    exists: Callable[[StudyConfig], bool] | None = None
    of_scores: Callable[[StudyConfig], Sequence[str]] | None = None

    @property
    def name(self) -> str:
        """The file's name without suffix, by which `Study` knows it."""
        return PurePosixPath(self.path).stem

    def paths(self, config: StudyConfig) -> list[str]:
        """Return the files that a study of this config has, below its results; none or several."""
        if self.exists and not self.exists(config):
            return []
        if self.of_scores is None:
            return [self.path]
        return [self.path.format(score=name) for name in self.of_scores(config)]


def _main_score(config: StudyConfig) -> list[str]:
    return [feature_sets.main_score(config)]


def _by_lasso(config: StudyConfig) -> list[str]:
    return [name for name, row in config.scores.items() if row.learner == "lasso"]


RESULTS = (
    # Those with a verdict stand in the order in which their findings are told, the gravest first.
    Result("evaluation/leakage.csv", verdict=data_verdicts.leakage),
    Result("evaluation/confounding.csv", verdict=data_verdicts.confounding),
    Result(
        "evaluation/metrics.csv",
        EVERY,
        verdict=performance_verdicts.metrics,
        shown=(
            Shown(
                "performance",
                performance_tables.performance,
                (
                    Place("report", "results", before="roc_internal"),
                    Place("manuscript"),
                    Place("cohort", "evaluation", before="roc_external"),
                ),
            ),
            Shown(
                "performance_full",
                performance_tables.performance_full,
                (Place("report", "evaluation", before="confusion"),),
            ),
            Shown(
                "performance_more",
                performance_tables.performance_more,
                (Place("report", "evaluation", after="confusion"),),
            ),
        ),
    ),
    Result("evaluation/permutation.csv", verdict=refit_verdicts.permutation),
    Result(
        "evaluation/optimism.csv",
        verdict=refit_verdicts.optimism,
        shown=(
            Shown(
                "optimism",
                validation_tables.optimism,
                (Place("report", "evaluation", before="resampling"),),
            ),
        ),
    ),
    Result("evaluation/split_lottery.csv", verdict=refit_verdicts.split_lottery),
    Result(
        "evaluation/development.csv",
        ("cohort",),
        verdict=performance_verdicts.development,
        shown=(
            Shown(
                "development",
                applied_tables.development,
                (Place("cohort", "evaluation", after="performance"),),
            ),
        ),
    ),
    Result(
        "evaluation/sample_size.csv",
        verdict=data_verdicts.sample_size,
        shown=(
            Shown(
                "sample_size",
                validation_tables.sample_size,
                (Place("report", "evaluation", after="subgroups_external"),),
            ),
        ),
    ),
    Result(
        "evaluation/calibration.csv",
        EVERY,
        verdict=calibration_verdicts.calibration,
        shown=(
            Shown(
                "calibration_table",
                validation_tables.calibration,
                (
                    Place("report", "evaluation", after="calibration"),
                    Place("cohort", "evaluation", after="calibration"),
                ),
            ),
        ),
    ),
    Result("evaluation/recalibration.csv", verdict=calibration_verdicts.recalibration),
    Result("evaluation/net_benefit.csv", EVERY, verdict=performance_verdicts.net_benefit),
    Result(
        "evaluation/equivalence.csv",
        EVERY,
        verdict=performance_verdicts.equivalence,
        shown=(
            Shown(
                "equivalence",
                comparison_tables.equivalence,
                (Place("report", "evaluation", before="mcnemar"),),
            ),
        ),
    ),
    Result(
        "evaluation/finetuning.csv",
        verdict=performance_verdicts.finetuning,
        shown=(
            Shown(
                "finetuning",
                comparison_tables.finetuning,
                (Place("report", "evaluation", after="delong"),),
            ),
        ),
        exists=feature_sets.must_choose,
    ),
    Result("evaluation/subgroups.csv", EVERY, verdict=performance_verdicts.subgroups),
    Result(
        "evaluation/delong.csv",
        EVERY,
        verdict=performance_verdicts.undefined_tests("DeLong's test"),
        shown=(
            Shown(
                "delong",
                comparison_tables.delong,
                (
                    Place("report", "evaluation", after="performance_more"),
                    Place("manuscript"),
                    Place("cohort", "evaluation", after="roc_external"),
                ),
            ),
        ),
    ),
    Result(
        "evaluation/mcnemar.csv",
        EVERY,
        verdict=performance_verdicts.undefined_tests("McNemar's test"),
        shown=(
            Shown(
                "mcnemar",
                comparison_tables.mcnemar,
                (Place("report", "evaluation", before="score_waterfall"),),
            ),
        ),
    ),
    Result(
        "evaluation/published.csv",
        verdict=performance_verdicts.published,
        shown=(
            Shown(
                "published_table",
                published_table.published,
                (Place("report", "evaluation", before="published"),),
            ),
        ),
    ),
    Result(
        "evaluation/table1.csv",
        no_verdict="describes the cohort",
        shown=(
            Shown(
                "table1",
                baseline_table.baseline,
                (Place("report", "cohort"), Place("manuscript")),
            ),
        ),
    ),
    Result(
        "evaluation/reclassification.csv",
        ("report",),
        no_verdict="a result with a caution of its own; judged by AUC and net benefit",
        shown=(
            Shown(
                "reclassification",
                comparison_tables.reclassification,
                (Place("report", "evaluation", after="net_benefit"),),
            ),
        ),
    ),
    Result(
        "evaluation/precision_recall.csv",
        (),
        no_verdict="a curve, drawn; its area is in metrics.csv",
    ),
    Result(
        "evaluation/calibration_curve.csv",
        (),
        no_verdict="a curve, drawn; calibration.csv judges it",
    ),
    Result(
        "evaluation/calibration_groups.csv",
        (),
        no_verdict="drawn beside the curve; calibration.csv judges it",
    ),
    Result("evaluation/calibration_histogram.csv", (), no_verdict="drawn below the curve"),
    Result(
        "evaluation/selection_frequency.csv",
        (),
        no_verdict="how often each predictor is chosen: a description",
    ),
    Result(
        "evaluation/split_lottery_replicates.csv",
        (),
        no_verdict="replicates; split_lottery.csv judges them",
    ),
    Result(
        "evaluation/permutation_replicates.csv",
        (),
        no_verdict="replicates; permutation.csv judges them",
    ),
    Result(
        "evaluation/flow.json",
        shown=(
            Shown("flow_table", flow_tables.flow, (Place("report", "cohort", after="flow"),)),
            Shown(
                "exclusions",
                flow_tables.exclusions,
                (Place("report", "cohort", after="flow_table"),),
            ),
        ),
    ),
    Result("images/qc.csv", ("report",)),
    Result(
        "selection/{score}/funnel.csv",
        of_scores=_by_lasso,
        shown=(
            Shown(
                "scores",
                selection_tables.scores,
                (Place("report", "selection", before="funnel"),),
            ),
            Shown(
                "funnel",
                selection_tables.funnel,
                (Place("report", "selection", before="mrmr"),),
            ),
        ),
    ),
    Result(
        "selection/{score}/selected.csv",
        of_scores=_by_lasso,
        shown=(
            Shown(
                "selected",
                selection_tables.selected,
                (Place("report", "selection", after="lasso_cv"),),
            ),
        ),
    ),
    Result("selection/{score}/lasso_cv.csv", ("report",), of_scores=_main_score),
    Result("selection/{score}/scale.csv", of_scores=feature_sets.of_logits),
    Result(
        "models/univariable.csv",
        shown=(
            Shown(
                "univariable",
                regression_tables.univariable,
                (Place("report", "models", before="multivariable"), Place("manuscript")),
            ),
        ),
    ),
    Result(
        "models/multivariable.csv",
        shown=(
            Shown(
                "multivariable",
                regression_tables.multivariable,
                (Place("report", "models", before="odds_ratios"), Place("manuscript")),
            ),
        ),
    ),
    Result("models/choice.json", exists=feature_sets.must_choose),
    Result(
        "models/warnings.csv",
        APPLIED,
        shown=(
            Shown("unlike", applied_tables.unlike, (Place("cohort", "warnings"),)),
            Shown(
                "outside",
                applied_tables.outside,
                (Place("case", "case", before="case_map"),),
            ),
        ),
    ),
    Result(
        "models/contributions.csv",
        ("case",),
        shown=(
            Shown(
                "contributions",
                applied_tables.contributions,
                (Place("case", "case", after="case_map"),),
            ),
        ),
    ),
    Result(
        "history/register.csv",
        APPLIED,
        shown=(
            Shown("registered", applied_tables.registered, (Place("cohort", "predictions"),)),
            Shown(
                "case_predictions",
                applied_tables.case_predictions,
                (Place("case", "case", before="outside"),),
            ),
        ),
    ),
    Result("images/included.csv", ("cohort",)),
    Result("cohort/exclusions.csv", ("cohort",)),
    Result(
        "history/runs.json",
        ("report",),
        shown=(Shown("changes", changes.measures, (Place("report", "changes"),)),),
    ),
    Result(
        "report/inputs.json",
        shown=(
            Shown(
                "digests", provenance_tables.digests, (Place("report", "run", after="run_times"),)
            ),
        ),
    ),
)
"""Every file of results that a document reads, and every table of `evaluation/`."""

OF_NO_FILE = (
    Shown(
        "equations",
        regression_tables.equations,
        (Place("report", "models", before="nomogram"),),
    ),
    Shown("run_times", provenance_tables.rule_times, (Place("report", "run"),)),
)
"""Tables that are made of the frozen models, and of the run times of the rules."""


def verdicts() -> dict[str, Verdict]:
    """Return what to ask of each table that can hold a bad verdict, the gravest first."""
    return {result.name: result.verdict for result in RESULTS if result.verdict}


def shown() -> Iterator[tuple[Shown, str]]:
    """Yield every table for people, with the name of the file it is made of or nothing."""
    for result in RESULTS:
        yield from ((table, result.name) for table in result.shown)
    yield from ((table, "") for table in OF_NO_FILE)


def find(name: str) -> tuple[Shown, str] | None:
    """Return the table for people of that name, with the name of the file it is made of.

    The file's name is empty of a table in `OF_NO_FILE`. None where there is no such table.
    """
    return next((entry for entry in shown() if entry[0].name == name), None)


def make(name: str, study: Study) -> Table | None:
    """Return the table of that name; None when the study has nothing to put in it.

    Parameters
    ----------
    name
        A table for people, see `shown`.
    study
        The results.

    Raises
    ------
    KeyError
        When there is no such table.
    """
    found = find(name)
    if found is None:
        raise KeyError(name)
    table, source = found
    if source and not (study.has(source) or source in study.documents):
        return None
    made = table.make(study)
    return made if made.rows else None


def files(document: Document, config: StudyConfig, labelled: bool | None = None) -> list[str]:
    """Return the files that a document reads, below the study's results.

    Parameters
    ----------
    document
        Which.
    config
        The config: some files are those of some studies alone.
    labelled
        Of a new cohort, whether its labels are known: without them nothing of it is evaluated.
    """
    return [
        path
        for result in RESULTS
        if document in result.documents
        for path in result.paths(config)
        if labelled is not False or not path.startswith("evaluation/")
    ]


def tables_of(document: Document) -> list[str]:
    """Return the names of the tables that a document holds, in the order of `shown`.

    Examples
    --------
    >>> from microcalc.report import table_registry
    >>> table_registry.tables_of("case")
    ['outside', 'contributions', 'case_predictions']
    """
    return [
        table.name
        for table, _ in shown()
        if any(place.document == document for place in table.places)
    ]


def arranged(document: Document, section: str, figures: Sequence[str]) -> tuple[str, ...]:
    """Return the tables and figures of a section in reading order.

    Parameters
    ----------
    document, section
        Which.
    figures
        Stems of its figures, in order.

    Raises
    ------
    ValueError
        When a table is to stand beside what that section does not hold.
    """
    items = list(figures)
    waiting = [
        (table.name, place)
        for table, _ in shown()
        for place in table.places
        if (place.document, place.section) == (document, section)
    ]
    while waiting:
        ready = [
            (name, place)
            for name, place in waiting
            if (place.after or place.before) in ("", *items)
        ]
        if not ready:
            name, place = waiting[0]
            raise ValueError(
                f"table {name}: section {section} of the {document} has no "
                f"{place.after or place.before}"
            )
        for name, place in ready:
            beside = place.after or place.before
            at = items.index(beside) + bool(place.after) if beside else len(items)
            items.insert(at, name)
        waiting = [entry for entry in waiting if entry not in ready]
    return tuple(items)
