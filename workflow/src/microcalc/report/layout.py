"""The sections of the pages, and the figures that hang in each; tables are in `table_registry`."""

from dataclasses import dataclass

from microcalc.report import table_registry
from microcalc.report.table_registry import Document


@dataclass(frozen=True)
class Room:
    """One section of a page.

    Attributes
    ----------
    name
        The room, and the section's anchor.
    title
        Its heading.
    figures
        Stems of figures, in reading order.
    document
        Whose section it is.
    """

    name: str
    title: str
    figures: tuple[str, ...] = ()
    document: Document = "report"

    @property
    def items(self) -> tuple[str, ...]:
        """Names of tables and stems of figures, in reading order.

        An item that the study has no file for is left out when the page is made. ValueError when a
        table is to stand beside what the section does not hold.
        """
        return table_registry.arranged(self.document, self.name, self.figures)


CHANGES = Room("changes", "Since the last run")
FRONT = Room("results", "Main results", ("roc_internal", "roc_external", "roc_train"))
ROOMS = (
    Room("cohort", "Cohort", ("flow",)),
    Room("images", "Images"),
    Room("features", "Features", ("embedding", "learning_curves")),
    Room(
        "selection",
        "Selection",
        ("mrmr", "lasso_path", "lasso_cv", "feature_heatmap", "feature_correlation"),
    ),
    Room("models", "Models", ("odds_ratios", "nomogram")),
    Room(
        "evaluation",
        "Evaluation",
        (
            *("confusion", "score_waterfall", "calibration", "net_benefit", "resampling"),
            *("subgroups_internal", "subgroups_external", "published", "saliency"),
        ),
    ),
)
RUN = Room("run", "How it was run")
REPORT = (CHANGES, FRONT, *ROOMS, RUN)

EVALUATION = Room(
    "evaluation", "Evaluation", ("roc_external", "calibration", "net_benefit"), "cohort"
)
WARNINGS = Room("warnings", "Unlike the training cases", (), "cohort")
PREDICTIONS = Room("predictions", "Predictions", (), "cohort")
COHORT = (EVALUATION, WARNINGS, PREDICTIONS)
CASE = Room("case", "Prediction", ("case_map",), "case")
