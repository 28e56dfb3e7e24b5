"""Scores of fine-tuned networks: their own logits, or a selection among their features.

A training case is always scored by a network that never saw it, a validation case by the mean of
all networks' logits or by one network trained on the whole training set. To predict fold j, a
model with further predictors is fitted on scores of the other folds' cases; the networks that
gave those saw fold j. Networks without each pair of folds would mend that, at K (K - 1) / 2 more
trainings; with few predictors it matters little, and where labels are permuted nothing is found.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import seeds
from microcalc.features.columns import feature_names
from microcalc.selection import chain
from microcalc.selection.crossfit import CrossFit
from microcalc.selection.select import Selection
from microcalc.selection.training import feature_matrix, training_cases

Floats = NDArray[np.float64]

SCALE_COLUMNS = ("scored_by", "split", "n", "mean", "sd")


def of_logits(dealt: pd.DataFrame, logits: pd.DataFrame) -> tuple[pd.DataFrame, CrossFit]:
    """Return the networks' mean as a score, and the training cases' cross-fitted scores.

    Parameters
    ----------
    dealt
        case_id and fold of the training cases.
    logits
        case_id, and of each case the logit by the network without fold 0, 1, ...

    Returns
    -------
    selected
        As `Chain.selected`: each network counts 1 / K.
    crossfit
        `CrossFit.selected` of fold k is the one network that never saw it, which also gives the
        scores of its cases, whatever fold is `also_left_out`.

    Raises
    ------
    StudyError
        When a training case has no logits.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import finetuned
    >>> dealt = pd.DataFrame({"case_id": ["a", "b"], "fold": [0, 1]})
    >>> logits = {"case_id": ["a", "b"], "deep_0000": [-1.0, 3.0], "deep_0001": [-2.0, 1.0]}
    >>> selected, crossfit = finetuned.of_logits(dealt, pd.DataFrame(logits))
    >>> selected["coefficient"].tolist(), crossfit.scores["score"].tolist()
    ([0.0, 0.5, 0.5], [-1.0, -1.0, 1.0, 1.0])
    """
    names = feature_names(logits.columns)
    k = len(names)
    values = feature_matrix(logits, dealt["case_id"], names)
    fold = dealt["fold"].to_numpy()
    scores = pd.DataFrame(
        {
            "case_id": np.repeat(dealt["case_id"].to_numpy(dtype=str), k),
            "fold": np.repeat(fold, k),
            "also_left_out": np.tile(np.arange(k), len(dealt)),
            "score": np.repeat(values[np.arange(len(dealt)), fold], k),
        }
    )
    alone = [_sum_of([name], 1.0).assign(fold=j) for j, name in enumerate(names)]
    selected = pd.concat(alone, ignore_index=True)
    return _sum_of(names, 1 / k), CrossFit(
        scores, selected[["fold", "feature", "mean", "sd", "coefficient"]]
    )


def _sum_of(names: "list[str] | tuple[str, ...]", coefficient: float) -> pd.DataFrame:
    n = len(names)
    return pd.DataFrame(
        {
            "feature": [chain.INTERCEPT, *names],
            "mean": 0.0,
            "sd": 1.0,
            "coefficient": [0.0, *[coefficient] * n],
        }
    )


def scale(included: pd.DataFrame, dealt: pd.DataFrame, logits: pd.DataFrame) -> pd.DataFrame:
    """Return how one network's logits and the mean of all lie on the same cases; no label is used.

    Parameters
    ----------
    included
        case_id and split of the included cases.
    dealt, logits
        As in `of_logits`.

    Returns
    -------
    DataFrame
        `SCALE_COLUMNS`. `scored_by` is "fold-k" or "mean" on internal validation, which all
        networks score; on train it is "out of fold", every case by the network without it.

    Raises
    ------
    StudyError
        When a training or internal case has no logits.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import finetuned
    >>> dealt = pd.DataFrame({"case_id": ["a", "b"], "fold": [0, 1]})
    >>> included = pd.DataFrame({"case_id": ["a", "b"], "split": "train"})
    >>> logits = {"case_id": ["a", "b"], "deep_0000": [-1.0, 3.0], "deep_0001": [-2.0, 1.0]}
    >>> finetuned.scale(included, dealt, pd.DataFrame(logits))["scored_by"].tolist()
    ['out of fold']
    """
    names = feature_names(logits.columns)
    train = feature_matrix(logits, dealt["case_id"], names)
    own = train[np.arange(len(dealt)), dealt["fold"].to_numpy()]
    rows = [("out of fold", "train", *_moments(own))]
    cases = included.loc[included["split"] == "internal", "case_id"]
    if len(cases) > 1:
        values = feature_matrix(logits, cases, names)
        rows += [(f"fold-{j}", "internal", *_moments(column)) for j, column in enumerate(values.T)]
        rows.append(("mean", "internal", *_moments(values.mean(axis=1))))
    return pd.DataFrame(rows, columns=list(SCALE_COLUMNS))


def _moments(values: Floats) -> tuple[int, float, float]:
    return len(values), float(values.mean()), float(values.std(ddof=1))


def select(
    included: pd.DataFrame,
    dealt: pd.DataFrame,
    features: pd.DataFrame,
    *,
    settings: SelectionSettings,
    seed: int,
) -> Selection:
    """Select among the features of fine-tuned networks, fold by fold.

    The final chain takes the features of the network trained on the whole training set, which has
    learned from the very cases it selects on. The chain that scores fold k takes those of the
    network that never saw fold k, and is fitted without it too; to leave fold j out besides, it is
    fitted without fold j on the same network's features.

    Parameters
    ----------
    included
        The included cases of every split; only `train` is looked at.
    dealt
        case_id and fold of the training cases.
    features
        case_id, and side by side the features of the network that saw all folds, of the one
        without fold 0, and so on.
    settings
        The config's `selection`; its `folds` are not used.
    seed
        The study's seed.

    Returns
    -------
    Selection
        As of `selection.select`.

    Raises
    ------
    StudyError
        As `training.training_cases`, and as `chain.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from microcalc.config.selection_settings import SelectionSettings
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import finetuned
    >>> ids, y, fold = np.arange(60).astype(str), np.repeat([0, 1], 30), np.arange(60) % 3
    >>> included = pd.DataFrame({"case_id": ids, "patient_id": ids, "split": "train", "y": y})
    >>> dealt = pd.DataFrame({"case_id": ids, "fold": fold})
    >>> X = seeds.stream(1, "features").normal(size=(60, 4 * 10))  # of four networks
    >>> X[:, 3::10] += 2 * y[:, None]
    >>> features = pd.DataFrame(X, columns=[f"deep_{j:04d}" for j in range(40)])
    >>> features.insert(0, "case_id", ids)
    >>> lasso = {"n_lambdas": 20, "folds": 3}
    >>> settings = SelectionSettings.of({"mrmr": {"n_features": 5}, "lasso": lasso})
    >>> found = finetuned.select(included, dealt, features, settings=settings, seed=1)
    >>> found.crossfit.shape  # three scores of every case
    (180, 4)
    """
    cases = training_cases(included, features)
    fold = dealt.set_index("case_id").loc[list(cases.case_ids), "fold"].to_numpy()
    n_folds = int(fold.max()) + 1
    width = cases.X.shape[1] // (n_folds + 1)

    def fit(block: int, rows: NDArray[np.bool_], *stream: int) -> chain.Chain:
        own = slice(block * width, (block + 1) * width)
        return chain.fit(
            cases.X[rows, own],
            cases.y[rows],
            cases.patients[rows],
            feature_names=cases.feature_names[own],
            settings=settings,
            seed=seeds.derive(seed, "finetune", "selection", *stream),
        )

    tables, selected = [], []
    for k in range(n_folds):
        out, own = fold == k, slice((k + 1) * width, (k + 2) * width)
        for j in range(n_folds):
            fitted = fit(k + 1, ~out & (fold != j), k, j)
            if j == k:
                selected.append(fitted.selected.assign(fold=k))
            tables.append(
                pd.DataFrame(
                    {
                        "case_id": cases.case_ids[out],
                        "fold": k,
                        "also_left_out": j,
                        "score": fitted.score(cases.X[out, own]),
                    }
                )
            )
    scores = pd.concat(tables).sort_values(["case_id", "also_left_out"]).reset_index(drop=True)
    chosen = pd.concat(selected, ignore_index=True)
    return Selection(
        fit(0, np.ones(len(fold), dtype=bool)),
        scores,
        chosen[["fold", "feature", "mean", "sd", "coefficient"]],
    )
