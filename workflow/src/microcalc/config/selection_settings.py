"""The config's `selection`: from the columns of a score to its number, on the training set."""

from typing import Annotated, Literal

from pydantic import Field

from microcalc.config.section import NotNegative, Positive, Section, Share


class FilterSettings(Section):
    """What features must pass before mRMR, in this order; null turns a filter off."""

    min_variance: NotNegative | None = None
    """a feature's training variance must exceed this; constant features always leave"""
    univariable_p: Share | None = None
    """a feature's p between the classes must be below this (no correction for many tests)"""
    univariable_test: Literal["mann_whitney", "welch"] = "mann_whitney"
    """the test of univariable_p"""
    max_spearman: Share | None = None
    """of two features with a larger |Spearman correlation| the more telling one stays"""


class MrmrSettings(Section):
    """Minimum redundancy, maximum relevance (Peng et al. 2005)."""

    engine: Literal["native", "pymrmr"] = "native"
    """both return the same list; pymrmr takes a minute or more for what takes hundredths"""
    scheme: Literal["MIQ", "MID", "relevance", "correlation"] = "MIQ"
    """
    relevance divided by redundancy, their difference, relevance alone, or F statistic
    over mean |Pearson correlation| on features as they are; pymrmr has the first two
    """
    n_features: Annotated[int, Field(ge=1)] = 30
    """features that go on to the LASSO"""
    discretize: Literal["sd", "quantiles"] = "sd"
    """levels from the training mean and SD, or from training quantiles"""
    discretize_sd: Positive = 0.5
    """features become -1, 0 or 1 at the training mean -/+ this many SD"""
    levels: Annotated[int, Field(ge=2)] = 3
    """levels of equal size, with discretize quantiles"""


class LassoSettings(Section):
    """Logistic LASSO with cross-validated penalty."""

    n_lambdas: Annotated[int, Field(ge=2)] = 100
    """penalties on the path"""
    alpha: Share = 1.0
    """1 is the LASSO; less is the elastic net, with 1 - alpha as the ridge's share"""
    folds: Annotated[int, Field(ge=3)] = 10
    """cross-validation folds, by patient"""
    repeats: Annotated[int, Field(ge=1)] = 1
    """deals of the folds whose curves are averaged; one deal is a lottery"""
    criterion: Literal["deviance", "auc"] = "deviance"
    """the held-out measure that chooses the penalty"""
    choose: Literal["lambda_min", "lambda_1se"] = "lambda_min"
    """the penalty of the best measure, or the largest within one standard error of it"""


class SelectionSettings(Section):
    """From the columns of a score to its number, on the training set."""

    folds: Annotated[int, Field(ge=3)] = 5
    """folds, by patient, of the cross-fitting that gives training cases out-of-fold scores"""
    filters: FilterSettings = FilterSettings()
    """what features must pass before mRMR, in this order; null turns a filter off"""
    mrmr: MrmrSettings = MrmrSettings()
    """minimum redundancy, maximum relevance (Peng et al. 2005)"""
    lasso: LassoSettings = LassoSettings()
    """logistic LASSO with cross-validated penalty"""
    refit: Literal["none", "logistic", "ridge"] = "none"
    """
    coefficients of the score: the LASSO's, or those of the selected features refitted
    without a penalty (Firth's where the classes separate) or with a ridge penalty tuned on
    the same folds
    """
    training_scores: Literal["out_of_fold", "apparent"] = "out_of_fold"
    """
    scores that models with further predictors are fitted on; apparent, the scores of
    the very cases that the selection saw, is the optimistic way of many papers
    """
