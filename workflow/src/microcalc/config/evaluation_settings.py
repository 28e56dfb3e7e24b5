"""The config's `evaluation` and `published`: what is measured, and laid beside it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from microcalc.config.section import Entries, Probability, Section

Resamples = Annotated[int, Field(ge=20)]
Refits = Annotated[int, Field(ge=0)]


class EquivalenceSettings(Section):
    """What "comparable" means for the compared pairs, by two one-sided tests."""

    margin: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """the largest difference of AUCs that would not matter, fixed before looking"""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """level of each one-sided test"""


class SubgroupSettings(Section):
    """Parts of each set in which the AUC is estimated again."""

    columns: Mapping[str, Annotated[Entries[float], Field(min_length=1)] | None] = {
        "center": None,
        "n_images": None,
    }
    """
    columns of the case table, or n_images (the views used); null makes each value a
    group, rising numbers are the cut points of a continuous one
    """
    min_per_class: Annotated[int, Field(ge=2)] = 10
    """a group with fewer cases of either class is shown as too small"""


class NetBenefitSettings(Section):
    """The range of threshold probabilities of the decision curves."""

    low: Probability = 0.01
    """the smallest threshold"""
    high: Probability = 0.99
    """the largest threshold"""
    step: Probability = 0.01
    """distance of one to the next"""


class ReclassificationSettings(Section):
    """NRI and IDI of the compared pairs, the first over the second, with a caution."""

    cuts: Annotated[Entries[Probability], Field(min_length=1)] = (0.3, 0.7)
    """limits of the risk categories of the categorical NRI"""


class LeakageSettings(Section):
    """The search for what training and validation share."""

    limit: Probability = 0.5
    """
    similarity (masked correlation of reduced, high-pass filtered patches) from which two
    patients' patches are near-duplicates
    """
    on_found: Literal["fail", "report"] = "fail"
    """stop the study when anything is shared, or only write it down, first in the report"""


class SampleSizeSettings(Section):
    """Riley's criteria for developing and validating the models."""

    expected_auc: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """the AUC one would have hoped for before seeing the data"""


class ComparisonSettings(Section):
    """What every comparison of models is made with."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """level of every interval"""
    comparisons: Entries[Annotated[Entries[str], Field(min_length=2, max_length=2)]] = (
        ("deep", "clinical"),
        ("combined", "clinical"),
        ("combined", "deep"),
    )
    """pairs of models compared by DeLong's test; one Holm family in each split"""
    resamples: Resamples = 2000
    """bootstrap replicates of patients behind intervals that have no formula"""


class DiscriminationSettings(ComparisonSettings):
    """How well models tell the classes apart, and how that is compared."""

    auc_interval: Literal["wilson", "logit", "plain"] = "wilson"
    """
    how the AUC's interval is made of DeLong's variance (Obuchowski's where patients have
    several cases); wilson, Wilson's interval, the variance being no smaller than smooth
    scores have, holds the AUC most surely near 1 and in small classes (docs/evaluation.md);
    logit, on the logit scale; plain, symmetric and clipped to [0, 1], as pROC's
    """
    prevalence: Probability | None = None
    """share of positives at which PPV and NPV are stated besides the sample's own"""
    equivalence: EquivalenceSettings = EquivalenceSettings()
    """what "comparable" means for the compared pairs, by two one-sided tests"""
    subgroups: SubgroupSettings = SubgroupSettings()
    """parts of each set in which the AUC is estimated again"""


class ProbabilitySettings(ComparisonSettings):
    """How well models' probabilities are calibrated, and of what use they are."""

    calibration_resamples: Resamples = 200
    """bootstrap replicates behind calibration's intervals and the curve's band (slower ones)"""
    recalibrate: bool = False
    """
    also evaluate the external probabilities after a recalibration (intercept and slope)
    fitted on internal validation; reported as such
    """
    net_benefit: NetBenefitSettings = NetBenefitSettings()
    """the range of threshold probabilities of the decision curves"""
    reclassification: ReclassificationSettings = ReclassificationSettings()
    """NRI and IDI of the compared pairs, the first over the second, with a caution"""


class EvaluationSettings(DiscriminationSettings, ProbabilitySettings):
    """What is measured."""

    leakage: LeakageSettings = LeakageSettings()
    """the search for what training and validation share"""
    bootstrap: Refits = 200
    """
    bootstrap samples of the training patients in which everything from scaling to models is
    fitted again, for optimism-corrected figures and selection frequencies; 0 is off
    """
    split_lottery: Refits = 50
    """
    random splits of the development cases, everything fitted again, so that nobody reports
    one lucky split; 0 is off
    """
    permutation: Refits = 200
    """
    permutations of the labels within center and split, everything fitted again: the AUCs
    that no signal gives; 0 is off
    """
    replicates_per_job: Annotated[int, Field(ge=1)] = 25
    """how many of these refits one job makes; results do not depend on it"""
    sample_size: SampleSizeSettings = SampleSizeSettings()
    """Riley's criteria for developing and validating the models"""


Metric = Literal[
    "auc", "sensitivity", "specificity", "accuracy", "ppv", "npv", "f1", "brier", "threshold",
    "balanced_accuracy", "average_precision", "lr_pos", "lr_neg",
]  # fmt: skip
"""A column of evaluation/metrics.csv."""


class PublishedSettings(Section):
    """Numbers of a publication to lay beside this study's."""

    citation: str
    """where they were published"""
    sets: Mapping[Literal["train", "internal", "external"], Mapping[str, Mapping[Metric, float]]]
    """
    by split, then model, then metric (a column of evaluation/metrics.csv); a published model that
    this study lacks is shown without its own number
    """
