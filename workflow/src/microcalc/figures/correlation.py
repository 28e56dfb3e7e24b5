"""Correlation matrix of the selected features and the clinical variables in training."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.figures import number_format, palette, style
from microcalc.models.design import texts

INTERCEPT = "(intercept)"
LONGEST_NAME = 44
"""Letters of a column's name."""
MOST_FEATURES = 20
Floats = npt.NDArray[np.float64]


@style.styled
def draw(
    cases: pd.DataFrame,
    features: pd.DataFrame,
    selected: pd.DataFrame,
    clinical: ClinicalVariables,
) -> Figure:
    """Return Spearman's correlations, features first, then clinical variables.

    A categorical variable takes one row per level but the reference, coded 0 and 1. A pair is
    correlated over the cases in which both are known; constant columns are left blank.

    Parameters
    ----------
    cases
        The included cases of all splits; only those of the training set are used.
    features
        case_id and the columns that the selection chose from.
    selected
        `selection/<score>/selected.csv`; the `MOST_FEATURES` largest coefficients are shown.
    clinical
        The config's clinical section.

    Returns
    -------
    matplotlib.figure.Figure
        175 mm wide, 60 to 200 mm high; a sentence instead where there are fewer than two variables.
    """
    training = cases[cases["split"] == "train"]
    kept = selected[selected["feature"] != INTERCEPT]
    kept = kept.iloc[kept["coefficient"].abs().argsort(kind="stable")[::-1][:MOST_FEATURES]]
    own = features.set_index("case_id").loc[training["case_id"], kept["feature"].tolist()]
    columns = {name: own[name].to_numpy(dtype=float) for name in own.columns}
    columns |= _clinical(training, clinical)
    n = len(columns)
    figure = style.new_figure(style.PAGE_MM, min(max(14 + 3.2 * n, 60), 200))
    if n < 2:
        return style.message(figure, "Fewer than two variables: there is nothing to correlate.")
    r = spearman(list(columns.values()))
    axes = figure.add_subplot()
    image = axes.imshow(
        np.ma.masked_where(np.triu(np.ones((n, n), dtype=bool)), r),
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        rasterized=True,
    )
    numbers = [str(number) for number in range(1, n + 1)]
    # every second number fits at a legible size
    step = 1 if n <= 12 else 2
    axes.set_xticks(range(0, n, step), numbers[::step], fontsize=7)
    short = number_format.shortened(list(columns), LONGEST_NAME)
    names = [f"{name}  {number}" for name, number in zip(short, numbers, strict=True)]
    axes.set_yticks(range(n), names, fontsize=7)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    border = len(kept) - 0.5
    if 0 < len(kept) < n:
        axes.plot([-0.5, border], [border, border], color=palette.BLACK, linewidth=0.8)
        axes.plot([border, border], [border, n - 0.5], color=palette.BLACK, linewidth=0.8)
    # in the empty half of the matrix
    bar = figure.colorbar(image, cax=axes.inset_axes((0.7, 0.55, 0.025, 0.4)))
    bar.set_label(f"Spearman's ρ,\ntraining set (n = {len(training)})")
    return figure


def spearman(columns: list[Floats]) -> Floats:
    """Return Spearman's rank correlations of columns.

    Parameters
    ----------
    columns
        m columns of n values, NaN where missing.

    Returns
    -------
    numpy.ndarray
        Over pairwise complete values, shape (m, m); NaN where fewer than three are, or a column is
        constant among them.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.figures import correlation
    >>> correlation.spearman([np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 27.0])])
    array([[1., 1.],
           [1., 1.]])
    """
    n = len(columns)
    r = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(i + 1):
            known = ~np.isnan(columns[i]) & ~np.isnan(columns[j])
            a, b = (_ranks(columns[k][known]) for k in (i, j))
            if known.sum() > 2 and np.ptp(a) > 0 and np.ptp(b) > 0:
                r[i, j] = r[j, i] = _pearson(a, b)
    return r


def _ranks(values: Floats) -> Floats:
    # scipy's would cost every job that draws the import of scipy.stats: 0.6 s.
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _pearson(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def _clinical(cases: pd.DataFrame, clinical: ClinicalVariables) -> dict[str, Floats]:
    columns: dict[str, Floats] = {}
    for name, variable in clinical.items():
        label = number_format.variable(name, clinical)
        if variable.is_continuous:
            columns[label] = pd.to_numeric(cases[name], errors="coerce").to_numpy(dtype=float)
            continue
        known = texts(cases[name])
        for level in (variable.levels or ())[1:]:
            columns[f"{label}: {level}"] = np.array(
                [np.nan if value is None else float(value == level) for value in known]
            )
    return columns
