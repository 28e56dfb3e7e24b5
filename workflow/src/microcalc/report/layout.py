"""The order of the page: rooms from left to right, and what hangs in each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """One section of the page.

    Attributes
    ----------
    name
        The room, and the section's anchor.
    title
        Its heading.
    items
        Names of tables and stems of figures, in reading order. An item that the study has
        no file for is left out.
    """

    name: str
    title: str
    items: tuple[str, ...]


CHANGES = Room("changes", "Since the last run", ("changes",))
FRONT = Room(
    "results", "Main results", ("performance", "roc_internal", "roc_external", "roc_train")
)
ROOMS = (
    Room("cohort", "Cohort", ("flow", "flow_table", "exclusions", "table1")),
    Room("images", "Images", ()),
    Room("features", "Features", ("embedding", "learning_curves")),
    Room(
        "selection",
        "Selection",
        (
            *("funnel", "mrmr", "lasso_path", "lasso_cv", "selected"),
            *("feature_heatmap", "feature_correlation"),
        ),
    ),
    Room(
        "models",
        "Models",
        ("univariable", "multivariable", "odds_ratios", "equations", "nomogram"),
    ),
    Room(
        "evaluation",
        "Evaluation",
        (
            *("performance_full", "confusion", "performance_more", "delong", "finetuning"),
            "equivalence",
            *("mcnemar", "score_waterfall", "calibration", "calibration_table"),
            *("net_benefit", "reclassification", "optimism", "resampling"),
            *("subgroups_internal", "subgroups_external", "sample_size"),
            *("published_table", "published", "saliency"),
        ),
    ),
)
RUN = Room("run", "How it was run", ("run_times", "digests"))
