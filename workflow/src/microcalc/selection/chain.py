"""One selection from raw features to a score, all of it on the cases given."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microcalc.core import seeds
from microcalc.core.libraries import from_extra
from microcalc.selection import coefficient_refit, discretize, filters, lasso, mrmr, scaling
from microcalc.statistics.folds import assign_folds

if TYPE_CHECKING:
    import pandas as pd

    from microcalc.config.selection_settings import (
        FilterSettings,
        LassoSettings,
        MrmrSettings,
        SelectionSettings,
    )

INTERCEPT = "(intercept)"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Redrawn:
    """The same cases' features from regions drawn otherwise, for the stability filter.

    Attributes
    ----------
    values
        Shape (m, n, q), from m other drawings (perturbed, or by other readers); NaN where a case
        has none.
    columns
        Which q of the features these are, shape (q,).
    least_icc
        The least agreement that is asked of them, an ICC.
    """

    values: NDArray[np.float64]
    columns: NDArray[np.int64]
    least_icc: float

    def take(self, rows: "NDArray[np.bool_] | NDArray[np.int64]") -> "Redrawn":
        """Return the features of some of the cases.

        Parameters
        ----------
        rows
            Positions of k cases, or True for each of these, shape (n,).

        Returns
        -------
        Redrawn
            `values` of shape (m, k, q).
        """
        return Redrawn(self.values[:, rows], self.columns, self.least_icc)


@dataclass(frozen=True)
class Chain:
    """A fitted selection, as the tables it is kept in.

    Attributes
    ----------
    mrmr
        rank, feature, score, relevance, redundancy.
    lasso_path
        lambda, feature, coefficient (per SD), every lambda times every ranked feature.
    lasso_cv
        lambda, log_lambda, deviance, se, n_nonzero, is_min, is_1se; with the criterion AUC
        also auc, auc_se.
    selected
        feature, mean, sd, coefficient (per SD); first the intercept with mean 0 and sd 1,
        then the survivors in mRMR order.
    funnel
        step, n_features.
    columns
        Column numbers of the survivors in the X that was given.
    """

    mrmr: "pd.DataFrame"
    lasso_path: "pd.DataFrame"
    lasso_cv: "pd.DataFrame"
    selected: "pd.DataFrame"
    funnel: "pd.DataFrame"
    columns: NDArray[np.int64]

    def score(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the linear predictor of cases, in log odds.

        Parameters
        ----------
        X
            All p features of the fit, in its order and units, shape (n, p).

        Returns
        -------
        numpy.ndarray
            Shape (n,).
        """
        return linear_predictor(np.asarray(X, dtype=float)[:, self.columns], self.selected)


def linear_predictor(X: NDArray[np.float64], selected: "pd.DataFrame") -> NDArray[np.float64]:
    """Return the linear predictor of cases: intercept + sum of coefficient * (x - mean) / sd.

    Parameters
    ----------
    X
        The selected features alone, shape (n, k), in the order of `selected`.
    selected
        The table `selected.csv`: the intercept, then k features.

    Returns
    -------
    numpy.ndarray
        Shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from microcalc.selection import chain
    >>> columns = ["feature", "mean", "sd", "coefficient"]
    >>> rows = [("(intercept)", 0.0, 1.0, -1.0), ("deep_0001", 5.0, 2.0, 3.0)]
    >>> chain.linear_predictor(np.array([[5.0], [7.0]]), pd.DataFrame(rows, columns=columns))
    array([-1.,  2.])
    """
    intercept, rows = selected["coefficient"].iloc[0], selected.iloc[1:]
    total = np.full(len(X), float(intercept))
    for column, row in zip(X.T, rows.itertuples(), strict=True):
        total += row.coefficient * (column - row.mean) / row.sd
    return total


def fit(
    X: ArrayLike,
    y: ArrayLike,
    patients: ArrayLike,
    *,
    feature_names: Sequence[str],
    settings: "SelectionSettings",
    seed: int,
    redrawn: Sequence[Redrawn] = (),
) -> Chain:
    """Fit the whole selection on the cases given and on nothing else.

    Filters (those that are on: stability, variance, univariable test, collinearity), scaling,
    mRMR, LASSO, and a refit if asked for. Features without variation always leave.

    Parameters
    ----------
    X
        Features, shape (n, p), any units.
    y
        0 or 1, shape (n,).
    patients
        Patient of each case, shape (n,); no patient is cut by a fold.
    feature_names
        The p names.
    settings
        The config's `selection`.
    seed
        Deals the folds of the LASSO's cross-validation.
    redrawn
        The same cases' features from regions drawn otherwise, for each way of drawing; a feature
        must be stable in every way that it was drawn in.

    Returns
    -------
    Chain
        Tables, and which columns survived.

    Raises
    ------
    StudyError
        When too few cases were drawn otherwise, or pandas is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.config.selection_settings import SelectionSettings
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import chain
    >>> y, X = np.repeat([0, 1], 30), seeds.stream(1, "features").normal(size=(60, 40))
    >>> X[:, 3] += 2 * y
    >>> lasso = {"n_lambdas": 50, "folds": 5, "choose": "lambda_1se"}
    >>> settings = SelectionSettings.of({"mrmr": {"n_features": 5}, "lasso": lasso})
    >>> names = [f"deep_{j:04d}" for j in range(40)]
    >>> found = chain.fit(X, y, np.arange(60), feature_names=names, settings=settings, seed=1)
    >>> found.funnel["n_features"].tolist(), 3 in found.columns
    ([40, 40, 5, 2], True)
    """
    with from_extra("workflow"):
        import pandas as pd
    values, outcome = np.asarray(X, dtype=float), np.asarray(y)
    names = np.asarray(feature_names, dtype=str)
    scale = scaling.fit(values)
    kept, steps = _filter(values, outcome, scale, settings.filters, redrawn)
    Z = scale.apply(values)

    candidates = Z if len(kept) == Z.shape[1] else Z[:, kept]
    ranking = _rank(candidates, outcome, settings.mrmr)
    ranked = kept[ranking.order]
    steps.append(("mRMR", len(ranked)))

    folds = _folds(outcome, np.asarray(patients, dtype=str), settings.lasso, seed)
    tuned = _tune(Z[:, ranked], outcome, folds, settings.lasso)
    choice = tuned.index_min if settings.lasso.choose == "lambda_min" else tuned.index_1se
    intercept, coefficients = _at(tuned.path, choice, outcome)
    survivors = np.flatnonzero(coefficients)
    columns = ranked[survivors]
    steps.append(("LASSO", len(columns)))
    if len(columns) and settings.refit == "logistic":
        intercept, coefficients[survivors] = coefficient_refit.logistic(Z[:, columns], outcome)
    elif len(columns) and settings.refit == "ridge":
        intercept, coefficients[survivors] = coefficient_refit.ridge(Z[:, columns], outcome, folds)
    if len(columns) == 0:
        logger.warning(
            "the LASSO kept none of %d features at %s: the score is the same for every case",
            len(ranked),
            settings.lasso.choose,
        )
    elif len(columns) == len(ranked):
        logger.info("the LASSO kept all %d features it was given", len(ranked))
    fewest = int(min((outcome == 1).sum(), (outcome == 0).sum()))
    if len(columns) > fewest:
        logger.warning("%d features selected, more than the rarer class has cases", len(columns))
    selected = pd.DataFrame(
        {
            "feature": [INTERCEPT, *names[columns].tolist()],
            "mean": [0.0, *scale.mean[columns]],
            "sd": [1.0, *scale.sd[columns]],
            "coefficient": [intercept, *coefficients[survivors]],
        }
    )
    return Chain(
        mrmr=pd.DataFrame(
            {
                "rank": np.arange(1, len(ranked) + 1),
                "feature": names[ranked],
                "score": ranking.scores,
                "relevance": ranking.relevance,
                "redundancy": ranking.redundancy,
            }
        ),
        lasso_path=_path_table(tuned.path, names[ranked]),
        lasso_cv=_cv_table(tuned),
        selected=selected,
        funnel=pd.DataFrame(steps, columns=["step", "n_features"]),
        columns=columns,
    )


def _filter(
    values: NDArray[np.float64],
    y: NDArray[np.generic],
    scale: scaling.Scaling,
    settings: "FilterSettings",
    redrawn: Sequence[Redrawn],
) -> tuple[NDArray[np.int64], list[tuple[str, int]]]:
    """Return the columns that pass every filter that is on, and how many passed each."""
    kept = np.arange(values.shape[1])
    steps = [("extracted", len(kept))]
    for drawn in redrawn:
        judged = np.isin(drawn.columns, kept)
        columns, others = drawn.columns[judged], drawn.values[:, :, judged]
        agree = filters.stable(values[:, columns], others, minimum=drawn.least_icc)
        kept = np.setdiff1d(kept, columns[~agree])
    if redrawn:
        steps.append(("stable", len(kept)))
    kept = kept[scale.sd[kept] ** 2 > (settings.min_variance or 0.0)]
    steps.append(("not constant", len(kept)))
    if settings.univariable_p is not None:
        p = filters.univariable_p(values[:, kept], y, test=settings.univariable_test)
        kept = kept[p < settings.univariable_p]
        steps.append(("univariable", len(kept)))
    if settings.max_spearman is not None:
        kept = kept[filters.not_collinear(values[:, kept], y, maximum=settings.max_spearman)]
        steps.append(("not collinear", len(kept)))
    return kept, steps


def _rank(Z: NDArray[np.float64], y: NDArray[np.generic], settings: "MrmrSettings") -> mrmr.Ranking:
    scheme, k = settings.scheme, settings.n_features
    if settings.engine == "native" and scheme == "correlation":
        return mrmr.rank(Z, y, n_features=k, scheme=scheme)
    if settings.discretize == "quantiles":
        codes = discretize.by_quantiles(Z, levels=settings.levels).apply(Z)
    else:
        codes = discretize.by_sd(Z, k=settings.discretize_sd).apply(Z)
    engine = mrmr.rank_with_pymrmr if settings.engine == "pymrmr" else mrmr.rank_codes
    return engine(codes, y, n_features=k, scheme=scheme)


def _folds(
    y: NDArray[np.generic], patients: NDArray[np.str_], settings: "LassoSettings", seed: int
) -> NDArray[np.int64] | None:
    """Return the folds of each repetition, shape (r, n), or None when nothing can be tuned."""
    fewest = min(len(set(patients[y == 1])), len(set(patients[y == 0])))
    if fewest < 2:
        # Only cross-fitting on a handful of cases comes here: what cannot be tuned keeps nothing.
        logger.warning("one class has %d patient(s): lambda cannot be tuned, none kept", fewest)
        return None
    n_folds = min(settings.folds, len(set(patients)))
    if n_folds < settings.folds:
        logger.warning(
            "selection.lasso.folds is %d but there are %d patients: leaving one out at a time",
            settings.folds,
            n_folds,
        )
    names = [("lasso",), *(("lasso", i) for i in range(1, settings.repeats))]
    return np.stack(
        [
            assign_folds(y, patients, n_folds=n_folds, seed=seeds.derive(seed, *name))
            for name in names
        ]
    )


def _tune(
    Z: NDArray[np.float64],
    y: NDArray[np.generic],
    folds: NDArray[np.int64] | None,
    settings: "LassoSettings",
) -> lasso.CrossValidation:
    if folds is None:
        return lasso.cross_validate(Z, y, folds=np.arange(len(y)) % 2, lambdas=[])
    return lasso.cross_validate(
        Z,
        y,
        folds=folds,
        n_lambdas=settings.n_lambdas,
        alpha=settings.alpha,
        criterion=settings.criterion,
    )


def _at(path: lasso.Path, index: int, y: NDArray[np.generic]) -> tuple[float, NDArray[np.float64]]:
    if len(path.lambdas) == 0:
        prevalence = float(np.mean(y == 1))
        return float(np.log(prevalence / (1 - prevalence))), np.zeros(len(path.coefficients))
    return float(path.intercepts[index]), path.coefficients[:, index].copy()


def _path_table(path: lasso.Path, names: NDArray[np.str_]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        {
            "lambda": np.repeat(path.lambdas, len(names)),
            "feature": np.tile(names, len(path.lambdas)),
            "coefficient": path.coefficients.T.reshape(-1),
        }
    )


def _cv_table(tuned: lasso.CrossValidation) -> "pd.DataFrame":
    import pandas as pd

    position = np.arange(len(tuned.lambdas))
    table = pd.DataFrame(
        {
            "lambda": tuned.lambdas,
            "log_lambda": np.log(tuned.lambdas),
            "deviance": tuned.deviance,
            "se": tuned.se,
            "n_nonzero": tuned.path.n_nonzero,
            "is_min": position == tuned.index_min,
            "is_1se": position == tuned.index_1se,
        }
    )
    return table if tuned.auc is None else table.assign(auc=tuned.auc, auc_se=tuned.auc_se)
