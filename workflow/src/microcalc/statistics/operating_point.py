"""What a model does at one threshold, and the threshold that Youden would choose."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays, resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.proportions import Proportion, of_cases, wilson

Bounds = tuple[float, float]


@dataclass(frozen=True)
class OperatingPoint:
    """The two-by-two table at a threshold and what follows from it.

    A proportion without a denominator (PPV when no case is called positive, sensitivity when
    there is no positive case) is NaN, and so is F1 when there is neither a positive case nor a
    positive call. A likelihood ratio is infinite when only its denominator is 0.

    Attributes
    ----------
    threshold
        Positive is a probability of at least this.
    tp, fp, tn, fn
        Cases.
    sensitivity, specificity, accuracy, ppv, npv
        Proportions with their intervals.
    f1, balanced_accuracy
        0 to 1.
    lr_pos, lr_neg
        Likelihood ratios of a positive and of a negative call.
    """

    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int
    sensitivity: Proportion
    specificity: Proportion
    accuracy: Proportion
    ppv: Proportion
    npv: Proportion
    f1: float
    balanced_accuracy: float
    lr_pos: float
    lr_neg: float


def measure(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    threshold: float,
    *,
    patients: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> OperatingPoint:
    """Return what calling `probability ≥ threshold` positive amounts to.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,). One class alone is allowed.
    probability
        Any score on the scale of the threshold, shape (n,).
    threshold
        A case at the threshold is called positive.
    patients
        Patient of each case, shape (n,); None where each case is a patient's only one.
    confidence
        Coverage of the proportions' intervals (`proportions.of_cases`), a fraction.

    Returns
    -------
    OperatingPoint
        The two-by-two table, proportions with their intervals, and what is made of them; NaN where
        a figure is not defined.

    Raises
    ------
    StudyError
        When y holds anything but 0 and 1, or a probability or the threshold is NaN.

    Examples
    --------
    >>> from microcalc.statistics import operating_point
    >>> point = operating_point.measure([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.6], threshold=0.6)
    >>> point.tp, point.fp, point.tn, point.fn, point.sensitivity.estimate
    (1, 1, 1, 1, 0.5)
    """
    if math.isnan(threshold):
        raise StudyError("the threshold is NaN; expected a number")
    positive, called = _calls(y, probability, threshold)
    tp = int(np.sum(called & positive))
    fp = int(np.sum(called & ~positive))
    fn = int(np.sum(~called & positive))
    tn = positive.size - tp - fp - fn
    point = from_counts(tp, fp, tn, fn, threshold=threshold, confidence=confidence)
    if patients is None:
        return point
    ids, right = np.asarray(patients), called == positive

    def share(among: Bools) -> Proportion:
        return of_cases(right[among], ids[among], confidence=confidence)

    return replace(
        point,
        sensitivity=share(positive),
        specificity=share(~positive),
        accuracy=share(positive | ~positive),
        ppv=share(called),
        npv=share(~called),
    )


def from_counts(
    tp: int, fp: int, tn: int, fn: int, *, threshold: float = math.nan, confidence: float = 0.95
) -> OperatingPoint:
    """Return the operating point of a known two-by-two table.

    Parameters
    ----------
    tp, fp, tn, fn
        Numbers of cases.
    threshold
        At which they were counted, to be kept with them.
    confidence
        Coverage of the proportions' intervals (`proportions.wilson`), a fraction.

    Returns
    -------
    OperatingPoint
        As of `measure`, each case a patient of its own.

    Raises
    ------
    StudyError
        When a number is negative, or the confidence is not strictly between 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import operating_point
    >>> point = operating_point.from_counts(tp=26, fp=12, tn=60, fn=15)  # pROC's aneurysms
    >>> sensitivity = point.sensitivity
    >>> round(sensitivity.estimate, 3), round(sensitivity.low, 3), round(sensitivity.high, 3)
    (0.634, 0.481, 0.764)
    """
    rates = derived(np.array([[tp, fp, tn, fn]]))
    return OperatingPoint(
        threshold=threshold,
        tp=tp,
        fp=fp,
        tn=tn,
        fn=fn,
        sensitivity=wilson(tp, tp + fn, confidence=confidence),
        specificity=wilson(tn, tn + fp, confidence=confidence),
        accuracy=wilson(tp + tn, tp + fp + tn + fn, confidence=confidence),
        ppv=wilson(tp, tp + fp, confidence=confidence),
        npv=wilson(tn, tn + fn, confidence=confidence),
        f1=float(rates["f1"][0]),
        balanced_accuracy=float(rates["balanced_accuracy"][0]),
        lr_pos=float(rates["lr_pos"][0]),
        lr_neg=float(rates["lr_neg"][0]),
    )


def derived(cells: npt.ArrayLike, *, prevalence: float | None = None) -> dict[str, Floats]:
    """Return every figure of many two-by-two tables at once, NaN where it is not defined.

    Parameters
    ----------
    cells
        Columns tp, fp, tn, fn, shape (m, 4).
    prevalence
        A share of positives other than the tables' own, at which to give predictive values; 0
        to 1, both excluded.

    Returns
    -------
    dict
        Vectors of m: sensitivity, specificity, accuracy, ppv, npv, f1, balanced_accuracy,
        lr_pos, lr_neg and, at a stated prevalence, ppv_at_prevalence and npv_at_prevalence (by
        Bayes' rule).

    Raises
    ------
    StudyError
        When the prevalence is not between 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import operating_point
    >>> found = operating_point.derived([[80, 10, 90, 20]], prevalence=0.1)
    >>> found["ppv"].round(3), found["ppv_at_prevalence"].round(3)
    (array([0.889]), array([0.471]))
    """
    tp, fp, tn, fn = np.asarray(cells, dtype=np.float64).T
    sensitivity, specificity = _divide(tp, tp + fn), _divide(tn, tn + fp)
    found = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "accuracy": _divide(tp + tn, tp + fp + tn + fn),
        "ppv": _divide(tp, tp + fp),
        "npv": _divide(tn, tn + fn),
        "f1": _divide(2 * tp, 2 * tp + fp + fn),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "lr_pos": _divide(sensitivity, 1 - specificity, infinite=True),
        "lr_neg": _divide(1 - sensitivity, specificity, infinite=True),
    }
    if prevalence is not None:
        if not 0 < prevalence < 1:
            raise StudyError(f"the prevalence is {prevalence}; expected a share between 0 and 1")
        sick, well = sensitivity * prevalence, specificity * (1 - prevalence)
        found["ppv_at_prevalence"] = _divide(sick, sick + (1 - specificity) * (1 - prevalence))
        found["npv_at_prevalence"] = _divide(well, well + (1 - sensitivity) * prevalence)
    return found


def bootstrap(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    patients: npt.ArrayLike,
    threshold: float,
    *,
    rng: np.random.Generator,
    resamples: int,
    confidence: float = 0.95,
    prevalence: float | None = None,
) -> dict[str, tuple[float, float]]:
    """Return the percentile interval of each figure of `derived`, patients drawn as wholes.

    Parameters
    ----------
    y, probability, threshold
        As for `measure`, shape (n,).
    patients
        Patient of each case, shape (n,).
    rng, resamples
        See `resampling.cell_counts`.
    confidence
        Coverage of the intervals, a fraction.
    prevalence
        As for `derived`.

    Returns
    -------
    dict
        (low, high) of each figure of `derived`; see `resampling.percentile`.

    Raises
    ------
    StudyError
        As `measure` and `derived`.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import operating_point
    >>> y, p = [0, 1] * 20, [0.2, 0.7, 0.6, 0.8, 0.1, 0.3, 0.4, 0.9] * 5
    >>> rng = seeds.stream(1, "operating point")
    >>> found = operating_point.bootstrap(y, p, range(40), 0.5, rng=rng, resamples=200)
    >>> low, high = found["f1"]
    >>> low < 2 * 15 / (2 * 15 + 5 + 5) < high
    True
    """
    positive, called = _calls(y, probability, threshold)
    cells = np.column_stack(
        [called & positive, called & ~positive, ~called & ~positive, ~called & positive]
    )
    codes = resampling.patient_codes(patients)
    replicates = resampling.cell_counts(cells, codes, rng, resamples=resamples)
    return {
        name: resampling.percentile(values, confidence=confidence)
        for name, values in derived(replicates, prevalence=prevalence).items()
    }


def from_proportions(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    patients: npt.ArrayLike,
    threshold: float,
    *,
    confidence: float = 0.95,
    prevalence: float | None = None,
) -> dict[str, Bounds]:
    """Return intervals of what is made of proportions from the limits of those proportions.

    They hold where a bootstrap cannot: a sensitivity of 20 of 20 is 1 in every resample.

    Parameters
    ----------
    y, probability, patients, threshold, confidence
        As for `measure`, shape (n,).
    prevalence
        As for `derived`.

    Returns
    -------
    dict
        Limits of balanced_accuracy, lr_pos, lr_neg, f1 and, at a stated prevalence,
        ppv_at_prevalence and npv_at_prevalence; NaN where a proportion has no case, and of a
        likelihood ratio where it is 0 / 0.

    Raises
    ------
    StudyError
        As `measure` and `derived`.

    Notes
    -----
    Balanced accuracy and the likelihood ratios join the limits of sensitivity and specificity by
    MOVER (Zou and Donner, Stat Med 2008; 27: 1693; for ratios Donner and Zou, Stat Methods Med
    Res 2012; 21: 347); where patients have cases of both classes the two are not independent and
    their worst limits are taken together. Predictive values at a prevalence rise with a
    likelihood ratio. F1 = 2J / (1 + J), J the share of true positives among the cases that are
    positive or called positive.

    Examples
    --------
    >>> from microcalc.statistics import operating_point
    >>> y, p = [0, 1] * 20, [0.2, 0.7, 0.6, 0.8, 0.1, 0.3, 0.4, 0.9] * 5
    >>> low, high = operating_point.from_proportions(y, p, range(40), 0.5)["lr_pos"]
    >>> round(low, 2), round(high, 2)  # of 0.75 / 0.25
    (1.46, 6.8)
    """
    positive, called = _calls(y, probability, threshold)
    ids = np.asarray(patients)
    point = measure(y, probability, threshold, patients=ids, confidence=confidence)
    shared = bool(np.isin(ids[positive], ids[~positive]).any())
    either = positive | called
    overlap = of_cases((positive & called)[either], ids[either], confidence=confidence)
    right = (point.sensitivity, point.specificity)
    missed, false = (_complement(share) for share in right)
    found = {
        "balanced_accuracy": _mean(*right, together=shared),
        "lr_pos": _ratio(point.sensitivity, false, together=shared),
        "lr_neg": _ratio(missed, point.specificity, together=shared),
        "f1": (_f1(overlap.low), _f1(overlap.high)),
    }
    if prevalence is not None:
        odds = prevalence / (1 - prevalence)
        low, high = (1 / (1 + _over(1.0, ratio * odds)) for ratio in found["lr_pos"])
        found["ppv_at_prevalence"] = low, high
        high, low = (1 / (1 + ratio * odds) for ratio in found["lr_neg"])
        found["npv_at_prevalence"] = low, high
    return found


def _calls(y: npt.ArrayLike, probability: npt.ArrayLike, threshold: float) -> tuple[Bools, Bools]:
    """Return which cases are positive and which are called so."""
    positive = arrays.outcome(y)
    return positive, arrays.scores(probability, n=positive.size, name="probability") >= threshold


def _complement(share: Proportion) -> Proportion:
    failures = share.n - share.successes
    return Proportion(failures, share.n, 1 - share.estimate, 1 - share.high, 1 - share.low)


def _mean(first: Proportion, second: Proportion, *, together: bool) -> Bounds:
    """Return the limits of the mean of two proportions."""
    join = math.fsum if together else lambda gaps: math.hypot(*gaps)
    middle = (first.estimate + second.estimate) / 2
    below = join([share.estimate - share.low for share in (first, second)])
    above = join([share.high - share.estimate for share in (first, second)])
    return middle - below / 2, middle + above / 2


def _ratio(above: Proportion, below: Proportion, *, together: bool) -> Bounds:
    """Return the limits of a ratio of two proportions; infinite when only `below` is 0."""
    if math.isnan(above.estimate + below.estimate) or above.estimate == below.estimate == 0:
        return math.nan, math.nan
    if together:
        return above.low / below.high, _over(above.high, below.low)
    product = above.estimate * below.estimate

    def part(share: Proportion, limit: float) -> float:
        return limit * (2 * share.estimate - limit)

    def root(first: float, second: float) -> float:
        return product + math.sqrt(max(0.0, product**2 - first * second))

    least = part(above, above.low)
    # Multiplied out, since the usual form divides by 0 where `below` is.
    low = least / root(least, part(below, below.high)) if least else 0.0
    most = part(below, below.low)
    return low, _over(root(part(above, above.high), most), most)


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.inf


def _f1(overlap: float) -> float:
    return 2 * overlap / (1 + overlap)


def youden(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the threshold with the largest sensitivity + specificity.

    It is one of the scores themselves (a case at the threshold is positive) or +inf, which
    calls none positive. Of thresholds that do equally well the one with the highest specificity
    is taken.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    score
        Any real numbers, larger meaning more likely positive, shape (n,).

    Returns
    -------
    float
        On the scale of the scores, or infinite.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.

    References
    ----------
    Youden, Cancer 1950; 3: 32.

    Examples
    --------
    >>> from microcalc.statistics import operating_point
    >>> operating_point.youden([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.8, 0.9])
    0.8
    """
    positive = arrays.outcome(y)
    n_pos, n_neg = arrays.both_classes(positive)
    score = arrays.scores(score, n=positive.size)
    thresholds, group = np.unique(score, return_inverse=True)
    pos_at = np.bincount(group, weights=positive, minlength=thresholds.size)
    neg_at = np.bincount(group, weights=~positive, minlength=thresholds.size)
    called_pos = pos_at[::-1].cumsum()
    called_neg = neg_at[::-1].cumsum()
    # Whole numbers, so that equal indices are equal: n_pos · n_neg · (TPR − FPR).
    index = np.concatenate([[0.0], called_pos * n_neg - called_neg * n_pos])
    best = int(np.argmax(index))
    return float(np.concatenate([[np.inf], thresholds[::-1]])[best])


def _divide(numerator: Floats, denominator: Floats, *, infinite: bool = False) -> Floats:
    out = np.full(numerator.shape, np.nan)
    if infinite:
        out[numerator > 0] = np.inf
    return np.asarray(np.divide(numerator, denominator, out=out, where=denominator > 0))
