"""Paired DeLong's test against other implementations, from a small study to a million cases."""

import statistics
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import timing
from r_session import RSession, has_r

from microcalc.statistics import delong

SIZES = (300, 10_000, 1_000_000)
BUDGET_S = 5.0
STEEPEST = 1.25
"""Limit of the slope of log seconds over log n, which is 1.09 for n log n and 2 for n squared."""

R_SIDE = """
suppressMessages(library(pROC))
work <- function() {
  a <- roc(y, a_score, levels = c(0, 1), direction = "<")
  b <- roc(y, b_score, levels = c(0, 1), direction = "<")
  roc.test(a, b, method = "delong", paired = TRUE)$p.value
}
"""

Data = tuple[np.ndarray, np.ndarray, np.ndarray]
Side = Callable[[], object]


def rows() -> Iterator[dict[str, str]]:
    """Yield ours against each of the others at each size, then the slope of ours."""
    ours_s: dict[int, list[float]] = {}
    for n in SIZES:
        data = scores(n)
        ours = partial(delong.compare_paired, *data)
        for name, side, close in others(data):
            turns = timing.turns_within(BUDGET_S, (ours, side), most=15)
            mine, theirs = timing.medians(turns)
            ours_s.setdefault(n, []).append(mine)
            close()
            yield {
                "what": f"paired DeLong, n = {n:,}",
                "against": name,
                "goal": "faster",
                "met": timing.verdict(mine < theirs),
                "ratio": f"{timing.ratio(turns, 1, 0):.1f} times as fast",
                "absolute": f"{_ms(mine)} against {_ms(theirs)}",
            }
    yield _slope({n: statistics.median(found) for n, found in ours_s.items()})


def scores(n: int) -> Data:
    """Return outcomes and two correlated scores of n cases; some are tied."""
    random = np.random.default_rng(n)
    y = (random.random(n) < 0.4).astype(int)
    shared = random.standard_normal(n)
    made = [np.round(shared + random.standard_normal(n) + 0.8 * y, 4) for _ in range(2)]
    return y, made[0], made[1]


def others(data: Data) -> Iterator[tuple[str, Side, Callable[[], None]]]:
    """Yield name, one test, and how to end it, for every implementation that is installed."""
    y, a, b = data
    for name, side in (("MLstatkit", _mlstatkit), ("rocauc-comparison", _rocauc_comparison)):
        try:
            yield name, side(y, a, b), lambda: None
        except ImportError:
            print(f"{name} is not installed (make bench installs it)")
    if has_r("pROC"):
        session = RSession(
            R_SIDE, {"y": y, "a_score": a, "b_score": b}, times=max(1, 3000 // y.size)
        )
        yield "R's pROC", session.turn, session.close


def _mlstatkit(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> Side:
    from MLstatkit import Delong_test

    return lambda: Delong_test(y, a, b)


def _rocauc_comparison(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> Side:
    # 0.1.1 stops at its last line, the p value, with a numpy as new as ours: the rest is timed.
    from rocauc_comparison.delong import compute_ground_truth_statistics, fastDeLong

    def covariance() -> None:
        order, n_pos = compute_ground_truth_statistics(y)
        fastDeLong(np.vstack((a, b))[:, order], n_pos)

    return covariance


def _slope(seconds: dict[int, float]) -> dict[str, str]:
    small, large = SIZES[1:]
    slope = np.log(seconds[large] / seconds[small]) / np.log(large / small)
    return {
        "what": f"paired DeLong, slope of log seconds from n = {small:,} to {large:,}",
        "against": "n log n: 1.1; n squared: 2",
        "goal": f"at most {STEEPEST}",
        "met": timing.verdict(slope <= STEEPEST),
        "ratio": f"{slope:.2f}",
        "absolute": ", ".join(f"{_ms(s)} at {n:,}" for n, s in seconds.items()),
    }


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
