"""McNemar's test: `mcnemar.csv`, two models at their operating points on the same cases."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from microcalc.evaluation import compare, predictions
from microcalc.models.frozen import FrozenModel
from microcalc.statistics.multiplicity import holm
from microcalc.statistics.paired_proportions import compare_paired

COLUMNS = (
    "split", "kind", "model_a", "model_b", "figure", "n", "n_patients",
    "a", "b", "only_a", "only_b", "difference", "low", "high", "p", "p_holm", "method",
)  # fmt: skip


def table(
    rows: pd.DataFrame,
    models: Mapping[str, FrozenModel],
    comparisons: Sequence[Sequence[str]],
    *,
    confidence: float,
) -> pd.DataFrame:
    """Return McNemar's test of each declared pair: sensitivity, specificity, accuracy side by side.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models by name, of which `threshold` is read.
    comparisons
        Pairs (A, B) of model names, the family for Holm within each set and figure.
    confidence
        Coverage of the interval of the difference.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; a figure without cases (specificity where all are positive) has no row.
        Apparent predictions have no interval and no test: see `compare.table`.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a pair names a model without
        predictions, or two models disagree on a case's y.

    References
    ----------
    McNemar's exact test, and Newcombe, Stat Med 1998; 17: 2635, method 10; where a patient has more
    than one case, see `paired_proportions.compare_paired`.
    """
    predictions.check(rows)
    compare.check_pairs(rows, comparisons)
    found = []
    for split, kind, of_set in predictions.sets(rows):
        for a, b in comparisons:
            both = compare.paired(of_set, a, b)
            y = both["y"].to_numpy() == 1
            right = [
                (both[side] >= models[name]["threshold"]).to_numpy() == y
                for side, name in (("a", a), ("b", b))
            ]
            patients = both["patient_id"].to_numpy()
            for figure, of in (("sensitivity", y), ("specificity", ~y), ("accuracy", y | ~y)):
                if not of.any():
                    continue
                test = compare_paired(
                    right[0][of], right[1][of], patients[of], confidence=confidence
                )
                found.append(
                    {
                        "split": split, "kind": kind, "model_a": a, "model_b": b,
                        "figure": figure, "n": test.n, "n_patients": np.unique(patients[of]).size,
                        "a": test.a, "b": test.b, "only_a": test.only_a, "only_b": test.only_b,
                        "difference": test.difference, "low": test.low, "high": test.high,
                        "p": test.p_value, "method": test.method,
                    }
                )  # fmt: skip
    result = compare.without_tests(pd.DataFrame(found, columns=list(COLUMNS)), "low", "high", "p")
    families = result.groupby(["split", "kind", "figure"], sort=False)["p"]
    result["p_holm"] = families.transform(lambda p: holm(p.to_numpy(dtype=float)))
    return result
