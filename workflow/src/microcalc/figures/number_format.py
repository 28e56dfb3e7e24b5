"""Short texts inside figures: counts, estimates and intervals as journals print them."""

import math
import textwrap
from collections.abc import Sequence

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels


def number(value: float, digits: int = 2) -> str:
    """Return a number with a fixed number of decimals, a real minus sign and no negative zero.

    Parameters
    ----------
    value
        NaN and infinities give `NA`.
    digits
        Decimals.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.number(-0.125, 2), number_format.number(-0.001)
    ('−0.12', '0.00')
    """
    if not math.isfinite(value):
        return "NA"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def interval(low: float, high: float, digits: int = 2) -> str:
    """Return an interval: `0.74–0.88`.

    Parameters
    ----------
    low, high
        Its bounds.
    digits
        Decimals of each.

    Returns
    -------
    str
        `low to high` when a minus sign would stand beside the dash; NA when both are missing.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.interval(0.74, 0.88), number_format.interval(-0.02, 0.1)
    ('0.74–0.88', '−0.02 to 0.10')
    """
    if not (math.isfinite(low) or math.isfinite(high)):
        return "NA"
    join = " to " if low < 0 or high < 0 else "–"
    return f"{number(low, digits)}{join}{number(high, digits)}"


def estimate(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return an estimate with its interval: `0.81 (0.74–0.88)`.

    Parameters
    ----------
    value, low, high
        The estimate and its bounds.
    digits
        Decimals of each.

    Returns
    -------
    str
        NA when there is no value; `0.81 (undetermined)` when both bounds are missing.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.estimate(0.81, 0.74, 0.88)
    '0.81 (0.74–0.88)'
    """
    if not math.isfinite(value):
        return "NA"
    if not (math.isfinite(low) or math.isfinite(high)):
        return f"{number(value, digits)} (undetermined)"
    return f"{number(value, digits)} ({interval(low, high, digits)})"


def probability(value: float) -> str:
    """Return a probability (0 to 1) with two decimals, never as certain.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> [number_format.probability(value) for value in (0.16, 0.999, 0.001)]
    ['0.16', '> 0.99', '< 0.01']
    """
    if value < 0.005:
        return "< 0.01"
    if value >= 0.995:
        return "> 0.99"
    return number(value)


def ratio(value: float, low: float, high: float) -> str:
    """Return an odds ratio with its interval; the larger the ratio, the fewer decimals.

    Parameters
    ----------
    value, low, high
        The odds ratio and its bounds.

    Returns
    -------
    str
        As of `estimate`, with three decimals below 0.1, two below 10, one below 100, else none;
        "not estimable" when there is no value.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.ratio(1.53, 1.12, 2.09), number_format.ratio(24.1, 8.2, 71.4)
    ('1.53 (1.12–2.09)', '24.1 (8.2–71.4)')
    """
    if not math.isfinite(value):
        return "not estimable"
    steps = ((0.1, 3), (10, 2), (100, 1))
    return estimate(value, low, high, next((n for most, n in steps if value < most), 0))


def p_value(p: float, *, equals: bool = False) -> str:
    """Return a P value as *Radiology* prints it: no leading zero, never rounded across .05.

    Parameters
    ----------
    p
        Between 0 and 1; NaN gives `NA`.
    equals
        Whether to write the relation too, for sentences: `= .03`, `< .001`, `> .99`.

    Returns
    -------
    str
        Such as `.03`, `.003` or `< .001`.

    Notes
    -----
    Two decimals; three below .01 and wherever two would move a P value across .05. Below
    .001 and above .99 only the bound is given.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> [number_format.p_value(p) for p in (0.031, 0.0031, 0.0496, 0.0002)]
    ['.03', '.003', '.0496', '< .001']
    """
    if not math.isfinite(p):
        return "= NA" if equals else "NA"
    if p < 0.001:
        return "< .001"
    if p > 0.99:
        return "> .99"
    digits = 2
    if p < 0.01 or (p < 0.05) != (float(f"{p:.2f}") < 0.05):
        digits = 3
    # .0496 is .050 at three digits too, and it is below .05
    while (p < 0.05) != (float(f"{p:.{digits}f}") < 0.05):
        digits += 1
    text = f"{p:.{digits}f}".removeprefix("0")
    return f"= {text}" if equals else text


def counts(n_negative: int, n_positive: int, labels: Labels) -> str:
    """Return both classes with their numbers of cases.

    Parameters
    ----------
    n_negative, n_positive
        Cases of each class.
    labels
        The classes' names.

    Examples
    --------
    >>> from microcalc.config.cohort_settings import Labels
    >>> from microcalc.figures import number_format
    >>> number_format.counts(42, 1061, Labels(negative="DCIS", positive="IDC"))
    '42 DCIS, 1,061 IDC'
    """
    return f"{n_negative:,} {labels.negative}, {n_positive:,} {labels.positive}"


def counts_in_lines(n_negative: int, n_positive: int, labels: Labels, letters: int) -> str:
    """Return both classes with their numbers, a line each where one line has no room.

    Parameters
    ----------
    n_negative, n_positive
        Cases of each class.
    labels
        The classes' names.
    letters
        How many a line has room for.

    Returns
    -------
    str
        One line or two.
    """
    text = counts(n_negative, n_positive, labels)
    if len(text) <= letters:
        return text
    return f"{n_negative:,} {labels.negative},\n{n_positive:,} {labels.positive}"


def wrapped(text: str, letters: int) -> str:
    r"""Return `text` in lines of at most so many letters, as far as its words allow.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.wrapped("calcification morphology", 14)
    'calcification\nmorphology'
    """
    return "\n".join(textwrap.wrap(text, letters, break_long_words=False))


def label(name: str) -> str:
    """Return a model's or a column's name as a reader expects it.

    A name that has capitals of its own is left as it is.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.label("clinical_only"), number_format.label("BIRADS_old")
    ('Clinical only', 'BIRADS old')
    """
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:] if text == text.lower() else text


MEASURES = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "brier": "Brier score",
    "threshold": "Threshold",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
    "lr_pos": "LR+",
    "lr_neg": "LR−",
}
SPLITS = {
    "train": "Training",
    "internal": "Internal validation",
    "external": "External validation",
}


def split_label(split: str) -> str:
    """Return the words a reader knows a split by; another name as `label` gives it.

    Examples
    --------
    >>> from microcalc.figures import number_format
    >>> number_format.split_label("internal")
    'Internal validation'
    """
    return SPLITS.get(split, label(split))


OWN_COLUMNS = {"n_images": "Images per case"}


def variable(name: str, clinical: ClinicalVariables) -> str:
    """Return a clinical variable's name for people: its label in the config, or its column's."""
    given = clinical[name].label if name in clinical else None
    return given or OWN_COLUMNS.get(name) or label(name)


def unit(name: str, clinical: ClinicalVariables) -> str:
    """Return a clinical variable's unit; nothing where it has none."""
    return (clinical[name].unit if name in clinical else None) or ""


def variable_with_unit(name: str, clinical: ClinicalVariables) -> str:
    """Return a clinical variable's name for people with its unit, if any.

    Parameters
    ----------
    name
        Its column in the case table.
    clinical
        The config's clinical variables.

    Examples
    --------
    >>> from microcalc.config.clinical_settings import ClinicalVariable
    >>> from microcalc.figures import number_format
    >>> clinical = {"age": ClinicalVariable(kind="continuous", unit="years")}
    >>> number_format.variable_with_unit("age", clinical)
    'Age (years)'
    """
    text, own = variable(name, clinical), unit(name, clinical)
    return f"{text} ({own})" if own else text


def shortened(names: Sequence[str], longest: int) -> list[str]:
    """Return names with the middle of long ones left out, but not where two would be alike.

    Parameters
    ----------
    names
        Columns that other software named.
    longest
        How many letters there is room for.

    Returns
    -------
    list of str
        In the same order.
    """
    head, tail = longest // 2, longest - longest // 2 - 1
    short = [f"{n[:head]}…{n[-tail:]}" if len(n) > longest else n for n in names]
    return [s if short.count(s) == 1 else n for s, n in zip(short, names, strict=True)]
