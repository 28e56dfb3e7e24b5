"""The config's `features`: sets of columns per case, each row a name.

What every set has is here; each kind has a module of its own beside this one, and
`microcalc.config.feature_kinds` lists them.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from microcalc.config.section import PSEUDONYM, Distinct, NamedLike, NotNegative, Section, Share

SetName = Annotated[
    str,
    NamedLike(
        r"^[a-z][a-z0-9_]{0,63}$",
        "lower-case letters, digits and underscores, beginning with a letter",
    ),
]
Pooling = Literal["mean", "max", "concat"]
Harmonization = Literal["none", "adabn", "combat"]
Region = Literal["lesion"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A fraction by which something changes: never by all of it."""


class StabilitySettings(Section):
    """How regions are drawn otherwise, and how alike features must be."""

    perturbations: Annotated[int, Field(ge=0)] = 0
    """
    how often every training image is extracted again, perturbed (for the split lottery
    internal ones too); 0 for not at all
    """
    icc_min: Share = 0.75
    """the least ICC(2,1) between a feature and itself under perturbation"""
    shift_mm: NotNegative = 2.0
    """the region moves by up to this much, in mm along each axis"""
    scale: Fraction = 0.1
    """the region grows or shrinks by up to this fraction"""
    rotate_deg: Annotated[float, Field(ge=0, le=45)] = 10.0
    """the region turns by up to this many degrees"""
    readers: Distinct[
        Annotated[
            str,
            Field(
                pattern=PSEUDONYM,
                description="a pseudonym of letters, digits, dot, dash and underscore",
            ),
        ]
    ] = ()
    """
    other readers (column `reader` of the images table) whose regions the features must
    agree in with `images.reader`'s, to `icc_min`, on the training cases that they drew
    """

    @property
    def is_asked(self) -> bool:
        """Whether any region is drawn otherwise."""
        return bool(self.perturbations or self.readers)


class FeatureSetSettings(Section):
    """What every set can be asked, whatever measures it."""

    measured_in: ClassVar[str]
    """The module of `microcalc.features` that measures it."""
    columns_from: ClassVar[str] = ""
    """
    The key that names the user's table which its columns come from; a cohort that frozen models
    are applied to has its own of the same name. Empty where images are measured.
    """
    needs_torch: ClassVar[bool] = False
    """Whether its jobs run where torch is, on a cluster on a GPU."""

    region: Region = "lesion"
    """where it is measured: lesion, the patch around the ROI"""
    pool_views: Pooling = "mean"
    """
    from the columns of a case's views to those of the case: their mean, their maximum, or
    CC and MLO side by side (where one of the two is missing the other stands in)
    """
    stability: StabilitySettings = StabilitySettings()
    """
    columns that change when the region is drawn a little differently leave before mRMR;
    judged on the training set alone
    """
    harmonize: Harmonization = "none"
    """
    what evens out differences between centers, without labels: adabn gives every external
    center batch-norm statistics of its own images (of a network alone), combat shifts and scales
    its columns towards the training cases'. Both look at validation images, so that every
    result is then transductive
    """

    def applied(self, folder: Path, cohort: Path) -> Self:
        """Return how the set is measured in a cohort that frozen models are applied to.

        Parameters
        ----------
        folder
            Where the study that froze the models keeps the set.
        cohort
            The folder of the cohort's tables.
        """
        del folder  # what a kind needs of it is that kind's
        # Stability chose features, among the study's own cases and readers.
        update: dict[str, Any] = {"stability": StabilitySettings()}
        if self.table is not None:
            update[self.columns_from] = str(cohort / Path(self.table).name)
        return self.model_copy(update=update)

    @property
    def table(self) -> str | None:
        """The user's table that its columns come from; None where images are measured."""
        return str(getattr(self, self.columns_from)) if self.columns_from else None

    @property
    def pools_views(self) -> bool:
        """Whether its columns are of images, which `pool_views` makes those of a case from."""
        return self.table is None

    @property
    def measured_by(self) -> dict[str, Any]:
        """What an image's columns depend on, or how they are computed: a job's params."""
        return self.model_dump(mode="json", exclude=set(FeatureSetSettings.model_fields))

    @property
    def deployed_by(self) -> dict[str, Any]:
        """What a frozen model's columns must be made with wherever it is applied."""
        made = {**self.measured_by, **self.part("region", "pool_views", "harmonize")}
        return {key: value for key, value in made.items() if key != self.columns_from}
