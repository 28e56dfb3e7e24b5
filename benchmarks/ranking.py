"""mRMR, 30 of 2,048 features, against pymrmr, mrmr-selection and fast-select.

With 2,000 cases pymrmr takes some twenty minutes for 30 features, and is asked for ten.

pymrmr and fast-select rank the same codes by the same criterion; mrmr-selection ranks raw features
by F statistic over correlation, as our scheme `correlation` does, which is then the one it meets.
"""

from collections.abc import Callable, Iterator

import numpy as np
import timing

from microcalc.selection import discretize, mrmr

CASES = (200, 2_000)
FEATURES, CHOSEN = 2048, 30
PYMRMR_CHOSEN = {200: 30, 2_000: 10}
PYMRMR_GOAL = 20
MOST_TURNS = 5
BUDGET_S = 10.0


def rows() -> Iterator[dict[str, str]]:
    """Yield ours against each of the others at each size."""
    for n in CASES:
        X, y = features(n)
        codes = discretize.by_sd(X).apply(X)
        k = PYMRMR_CHOSEN[n]
        ours = _ours(codes, y, k)
        yield _row(n, "pymrmr", ours, _pymrmr(codes, y, k), goal=PYMRMR_GOAL, chosen=k)
        sides = (
            ("fast-select", lambda c=codes, y=y: _fast_select(c, y), _ours(codes, y)),
            ("mrmr-selection", lambda X=X, y=y: _mrmr_selection(X, y), _by_correlation(X, y)),
        )
        for name, side, ours in sides:
            try:
                yield _row(n, name, ours, side(), goal=1)
            except ImportError:
                print(f"{name} is not installed (make bench installs it)")


def features(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return correlated features, as a network's are, of n cases in two classes."""
    random = np.random.default_rng(n)
    y = np.arange(n) % 2
    factors = random.standard_normal((n, 40))
    factors[:, :6] += 0.6 * y[:, None]
    mixing = random.standard_normal((40, FEATURES))
    return factors @ mixing / 6 + random.standard_normal((n, FEATURES)), y


def _row(
    n: int,
    name: str,
    ours: Callable[[], list[int]],
    theirs: Callable[[], list[int]],
    *,
    goal: float,
    chosen: int = CHOSEN,
) -> dict[str, str]:
    lists: dict[str, list[int]] = {}
    sides = (
        lambda: lists.__setitem__("ours", ours()),
        lambda: lists.__setitem__("theirs", theirs()),
    )
    slow = name == "pymrmr"  # a minute a turn: the one that is not counted would be too much
    turns = (
        timing.take_turns(sides, turns=1)
        if slow
        else timing.turns_within(BUDGET_S, sides, most=MOST_TURNS)
    )
    mine, other = timing.medians(turns)
    times = timing.ratio(turns, 1, 0)
    shared = len(set(lists["ours"]) & set(lists["theirs"]))
    same = "same list" if lists["ours"] == lists["theirs"] else f"{shared} of {chosen} the same"
    return {
        "what": f"mRMR, {chosen} of {FEATURES:,}, {n:,} cases",
        "against": name,
        "goal": f"at least {goal} times as fast, same list" if goal > 1 else "faster",
        "met": timing.verdict(times >= goal and (goal == 1 or same == "same list")),
        "ratio": f"{times:.0f} times as fast, {same}",
        "absolute": f"{mine:.3f} against {other:.2f} s",
    }


def _ours(codes: np.ndarray, y: np.ndarray, chosen: int = CHOSEN) -> Callable[[], list[int]]:
    return lambda: mrmr.rank_codes(codes, y, n_features=chosen).order.tolist()


def _by_correlation(X: np.ndarray, y: np.ndarray) -> Callable[[], list[int]]:
    return lambda: mrmr.rank(X, y, n_features=CHOSEN, scheme="correlation").order.tolist()


def _pymrmr(codes: np.ndarray, y: np.ndarray, chosen: int) -> Callable[[], list[int]]:
    return lambda: mrmr.rank_with_pymrmr(codes, y, n_features=chosen).order.tolist()


def _fast_select(codes: np.ndarray, y: np.ndarray) -> Callable[[], list[int]]:
    from fast_select import mRMR

    def ranked() -> list[int]:
        chosen = mRMR(n_features_to_select=CHOSEN, method="MIQ", backend="cpu").fit(codes, y)
        return np.asarray(chosen.top_features_).tolist()

    ranked()  # compiled once
    return ranked


def _mrmr_selection(X: np.ndarray, y: np.ndarray) -> Callable[[], list[int]]:
    import pandas as pd
    from mrmr import mrmr_classif

    table, classes = pd.DataFrame(X), pd.Series(y)
    options = {"n_jobs": 1, "show_progress": False}
    return lambda: list(map(int, mrmr_classif(X=table, y=classes, K=CHOSEN, **options)))
