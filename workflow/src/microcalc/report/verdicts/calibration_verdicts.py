"""Verdicts on calibration and recalibration."""

from microcalc.report.findings import Finding
from microcalc.report.verdicts.row_text import (
    Row,
    Rows,
    estimate_in,
    known,
    listed,
    listing,
    model_in_set,
    number_in,
    the_model,
    validation,
)

# How many half-widths an interval's estimate is away from where it should be.
FAR = 1.5


def calibration(rows: Rows) -> list[Finding]:
    """Return the slopes off 1 and the calibrations in the large off 0, of `calibration.csv`.

    An interval that leaves out the right value makes a note, and a warning where the estimate lies
    more than `FAR` half-widths of its interval away from it. A slope that is missing although the
    set has both classes is a note.

    Examples
    --------
    >>> from microcalc.report.verdicts import calibration_verdicts
    >>> row = {"model": "deep", "split": "internal", "kind": "held_out", "n_pos": 61, "n_neg": 42}
    >>> slope = {"slope": 0.4, "slope_low": 0.1, "slope_high": 0.7}
    >>> (found,) = calibration_verdicts.calibration([row | slope])
    >>> found.kind, found.title
    ('warning', 'Probabilities are off')
    """
    names = {"slope": (1.0, "slope"), "citl": (0.0, "calibration in the large")}
    undefined = [
        row
        for row in validation(rows)
        if number_in(row, "slope") is None and number_in(row, "n_pos") and number_in(row, "n_neg")
    ]
    text = "Intercept and slope could not be estimated for {}."
    found = listing("note", "Calibration undetermined", text, undefined, model_in_set)
    off: dict[bool, list[str]] = {True: [], False: []}
    for row in validation(rows):
        for name, (right, what) in names.items():
            distance = _half_widths(row, name, right)
            if distance > 1:
                off[distance > FAR].append(
                    f"{what} of {model_in_set(row)}, "
                    f"{estimate_in(row, name, f'{name}_low', f'{name}_high')}"
                )
    if off[True]:
        text = (
            "Probabilities are not those of these cases; a slope below 1 means that they are too "
            f"extreme, a calibration in the large below 0 that they are too high: "
            f"{listed(off[True])}."
        )
        found.append(Finding("warning", "Probabilities are off", text))
    elif off[False]:
        text = f"The interval leaves out what a calibrated model has: {listed(off[False])}."
        found.append(Finding("note", "Probabilities may be off", text))
    return found


def recalibration(rows: Rows) -> list[Finding]:
    """Return the recalibrations whose slope is not above 0, of `recalibration.csv`.

    Examples
    --------
    >>> from microcalc.report.verdicts import calibration_verdicts
    >>> rows = [{"model": "deep", "slope": -0.2}, {"model": "clinical", "slope": 0.9}]
    >>> (found,) = calibration_verdicts.recalibration(rows)
    >>> "the deep model" in found.text
    True
    """
    text = (
        "On internal validation no rising recalibration was found for {}; its recalibrated "
        "probabilities mean nothing."
    )
    bad = [row for row in rows if not known(row, "slope") > 0]
    return listing("warning", "Recalibration failed", text, bad, the_model)


def _half_widths(row: Row, name: str, right: float) -> float:
    """Return how many half-widths of its interval an estimate is away from where it should be."""
    value, low, high = (known(row, f"{name}{end}") for end in ("", "_low", "_high"))
    width = value - low if value > right else high - value
    distance = abs(value - right)
    return distance / width if width > 0 else 0.0
