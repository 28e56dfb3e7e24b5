"""The demo's one table of effects: how the odds of invasion go with each latent trait.

Everything that tells DCIS from IDC in the simulated cohort stands here and nowhere else. The
label shifts the distribution of latent traits; pixels and the radiologist's readings follow
from the traits alone. `docs/simulation.md` prints this table and a test keeps the two equal.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Categorical:
    """A trait with levels.

    Attributes
    ----------
    trait
        Its name.
    levels
        In order.
    negative_shares
        Share of each level in the negative class; they add up to 1.
    odds_ratios
        Of the positive class against the negative one, of each level against the first.
    """

    trait: str
    levels: tuple[str, ...]
    negative_shares: tuple[float, ...]
    odds_ratios: tuple[float, ...]

    def shares(self, *, positive: bool) -> np.ndarray:
        """Return the probability of each level in one class (Bayes' rule for odds ratios)."""
        weights = np.asarray(self.negative_shares)
        if positive:
            weights = weights * np.asarray(self.odds_ratios)
        return np.asarray(weights / weights.sum())

    def draw(self, positive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return one level per case, as text, shape (n,).

        Parameters
        ----------
        positive
            Whether a case is of the positive class, shape (n,).
        rng
            The trait's stream.
        """
        steps = {flag: np.cumsum(self.shares(positive=flag))[:-1] for flag in (False, True)}
        uniform = rng.random(len(positive))
        codes = [
            int(np.searchsorted(steps[bool(p)], u)) for p, u in zip(positive, uniform, strict=True)
        ]
        return np.asarray(self.levels)[codes]


@dataclass(frozen=True)
class Continuous:
    """A trait that is normal in both classes with one SD; its odds ratio is per SD.

    For two normal distributions of equal variance the log odds are linear in the trait and the
    log odds ratio per SD equals the difference of the means in SD.

    Attributes
    ----------
    trait, unit
        Its name; the unit of its values.
    median
        The negative class's.
    sd
        Of the normal variable.
    odds_ratio_per_sd
        Of the positive class against the negative one.
    low, high
        Between which values are held.
    log
        Whether the normal variable is the trait's natural logarithm.
    """

    trait: str
    unit: str
    median: float
    sd: float
    odds_ratio_per_sd: float
    low: float
    high: float
    log: bool = True

    def draw(self, positive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return one value per case in the trait's unit, held between `low` and `high`, shape (n,).

        Parameters
        ----------
        positive
            Whether a case is of the positive class, shape (n,).
        rng
            The trait's stream.
        """
        shift = np.where(positive, math.log(self.odds_ratio_per_sd), 0.0)
        steps = self.sd * (shift + rng.standard_normal(len(positive)))
        values = self.median * np.exp(steps) if self.log else self.median + steps
        return np.clip(values, self.low, self.high)


MORPHOLOGY = Categorical(
    "morphology",
    ("amorphous", "coarse heterogeneous", "fine pleomorphic", "fine linear-branching"),
    (0.28, 0.20, 0.37, 0.15),
    (1.0, 1.2, 1.8, 2.3),
)
DISTRIBUTION = Categorical(
    "distribution", ("grouped", "linear", "segmental"), (0.58, 0.15, 0.27), (1.0, 1.4, 1.7)
)
MASS = Categorical("mass", ("no", "yes"), (0.82, 0.18), (1.0, 3.2))
DISTORTION = Categorical("distortion", ("no", "yes"), (0.91, 0.09), (1.0, 2.4))

EXTENT = Continuous("cluster extent", "mm", 12.0, 0.42, 1.35, 5.0, 34.0)
NUMBER = Continuous("number of calcifications", "", 20.0, 0.55, 2.7, 6, 120)
SIZE = Continuous("calcification size", "mm", 0.34, 0.26, 2.5, 0.18, 0.95)
STROMA = Continuous("stromal density around the cluster", "", 0.22, 0.20, 3.4, 0.0, 0.9, log=False)
AGE = Continuous("age", "years", 51.0, 10.5, 1.2, 28, 84, log=False)

CATEGORICAL = (MORPHOLOGY, DISTRIBUTION, MASS, DISTORTION)
CONTINUOUS = (EXTENT, NUMBER, SIZE, STROMA, AGE)


def table() -> list[dict[str, str]]:
    """Return the effects as rows of text: trait, level, negative class, odds ratio."""
    rows = []
    for effect in CATEGORICAL:
        for level, share, ratio in zip(
            effect.levels, effect.negative_shares, effect.odds_ratios, strict=True
        ):
            rows.append(
                {
                    "trait": effect.trait,
                    "level": level,
                    "in DCIS": f"{100 * share:.0f} %",
                    "odds ratio (IDC : DCIS)": f"{ratio:g}",
                }
            )
    for trait in CONTINUOUS:
        spread = f"log SD {trait.sd:g}" if trait.log else f"SD {trait.sd:g}"
        rows.append(
            {
                "trait": trait.trait,
                "level": "per log SD" if trait.log else "per SD",
                "in DCIS": f"{f'median {trait.median:g} {trait.unit}'.strip()}, {spread}",
                "odds ratio (IDC : DCIS)": f"{trait.odds_ratio_per_sd:g}",
            }
        )
    return rows
