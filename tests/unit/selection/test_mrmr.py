import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.selection import discretize, mrmr

ORACLES = Path(__file__).parents[2] / "oracles"
CASES = json.loads((ORACLES / "mrmr_pymrmr.json").read_text())["cases"]


def read(case: dict) -> tuple[np.ndarray, np.ndarray]:
    path = ORACLES / "data" / case["csv"]
    table = pd.read_csv(path if path.exists() else f"{path}.gz")
    return table.drop(columns="class").to_numpy(), table["class"].to_numpy()


def plain_information(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for u in set(a.tolist()):
        for v in set(b.tolist()):
            joint = np.mean((a == u) & (b == v))
            if joint > 0:
                total += joint * np.log2(joint / (np.mean(a == u) * np.mean(b == v)))
    return float(total)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['case']}-{c['method']}")
def test_pymrmr_frozen_choices(case: dict) -> None:
    X, y = read(case)
    found = mrmr.rank(X, y, n_features=case["K"], scheme=case["method"], levels=None)
    assert found.order.tolist() == case["selected_0based"]


@pytest.mark.parametrize("scheme", ["MIQ", "MID"])
def test_pymrmr_itself(scheme: mrmr.Scheme) -> None:
    X, y = read(CASES[0])
    X = X[:, :60]
    native = mrmr.rank(X, y, n_features=10, scheme=scheme, levels=None)
    theirs = mrmr.rank_with_pymrmr(X, y, n_features=10, scheme=scheme)
    assert theirs.order.tolist() == native.order.tolist()
    np.testing.assert_allclose(theirs.scores, native.scores, rtol=1e-12)


def test_scores_are_what_the_formula_says() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.integers(0, 4, (70, 9)), rng.integers(0, 3, 70)
    found = mrmr.rank(X, y, n_features=9, scheme="MIQ", levels=None)
    assert sorted(found.order) == list(range(9))
    for step, j in enumerate(found.order):
        relevance = plain_information(X[:, j], y)
        earlier = [plain_information(X[:, j], X[:, i]) for i in found.order[:step]]
        redundancy = np.mean(earlier) if earlier else 0.0
        score = relevance / (redundancy + 0.0001) if earlier else relevance
        np.testing.assert_allclose(found.relevance[step], relevance, rtol=1e-12)
        np.testing.assert_allclose(found.redundancy[step], redundancy, rtol=1e-12)
        np.testing.assert_allclose(found.scores[step], score, rtol=1e-10)


def test_ties_go_to_the_lowest_column() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 90)
    noise = rng.integers(-1, 2, (90, 3))
    twin = np.where(rng.random(90) < 0.7, y, 1 - y)
    # Same information in other letters: sums in another order differ in the last bit.
    X = np.column_stack([noise[:, 0], 1 - twin, twin, noise[:, 1], 5 * twin, noise[:, 2]])
    assert mrmr.rank(X, y, n_features=1, levels=None).order.tolist() == [1]
    order = mrmr.rank(X, y, n_features=6, scheme="relevance", levels=None).order.tolist()
    assert order[:3] == [1, 2, 4]


def test_large_codes_and_many_levels_change_nothing() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.integers(0, 90, (200, 12)), rng.integers(0, 2, 200)
    plain = mrmr.rank(X, y, n_features=5, levels=None)
    scattered = mrmr.rank(X * 200_000 + np.arange(12), y, n_features=5, levels=None)
    assert scattered.order.tolist() == plain.order.tolist()


@pytest.mark.parametrize("engine", [mrmr.rank_codes, mrmr.rank_with_pymrmr])
@pytest.mark.parametrize("n_features", [0, 3, 50])
def test_asking_for_none_or_too_many(engine, n_features: int) -> None:
    X, y = read(CASES[0])
    found = engine(X[:, :4], y, n_features=n_features)
    assert len(found.order) == len(set(found.order.tolist())) == min(n_features, 4)


def test_discretized_inside() -> None:
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(80, 20)), rng.integers(0, 2, 80)
    codes = discretize.by_sd(X, k=0.5).apply(X)
    inside = mrmr.rank(X, y, n_features=6)
    assert inside.order.tolist() == mrmr.rank_codes(codes, y, n_features=6).order.tolist()


def test_correlation_scheme_is_f_over_mean_correlation() -> None:
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, 60)
    X = rng.normal(size=(60, 6)) + y[:, None] * np.array([1.0, 0.2, 1.5, 0, 0, 0.5])
    X[:, 1] = X[:, 0] * 3 + 0.01 * X[:, 1]  # a copy, nearly
    found = mrmr.rank(X, y, n_features=6, scheme="correlation")
    from scipy.stats import f_oneway

    expected = [f_oneway(X[y == 0, j], X[y == 1, j]).statistic for j in found.order]
    np.testing.assert_allclose(found.relevance, expected, rtol=1e-10)
    second = found.order[1]
    correlation = abs(np.corrcoef(X[:, found.order[0]], X[:, second])[0, 1])
    np.testing.assert_allclose(found.redundancy[1], correlation, rtol=1e-10)
    assert 2 in found.order[:2]  # the copy waits


def test_pymrmr_refuses_what_it_cannot_do() -> None:
    with pytest.raises(StudyError, match="no scheme"):
        mrmr.rank_with_pymrmr([[1], [2]], [0, 1], n_features=1, scheme="relevance")


def test_a_dead_pymrmr_is_a_readable_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mrmr, "_PYMRMR", "import sys; sys.exit('no such engine')")
    with pytest.raises(StudyError, match=r"exit status 1 \(no such engine\)"):
        mrmr.rank_with_pymrmr([[1], [2]], [0, 1], n_features=1)


def tie_free(codes: np.ndarray, y: np.ndarray, k: int, scheme: mrmr.Scheme) -> bool:
    """Return whether the k best steps are clear wins, also at float32 precision."""
    found = mrmr.rank_codes(codes, y, n_features=k, scheme=scheme)
    information = np.array([plain_information(codes[:, j], y) for j in range(codes.shape[1])])
    pairs: dict[tuple[int, int], float] = {}
    for step, chosen in enumerate(found.order):
        rivals = []
        for j in set(range(codes.shape[1])) - set(found.order[: step + 1].tolist()):
            earlier = []
            for i in found.order[:step].tolist():
                if (i, j) not in pairs:
                    pairs[i, j] = plain_information(codes[:, i], codes[:, j])
                earlier.append(pairs[i, j])
            redundancy = np.mean(earlier) if earlier else 0.0
            if not earlier:
                rivals.append(information[j])
            elif scheme == "MID":
                rivals.append(information[j] - redundancy)
            else:
                rivals.append(information[j] / (redundancy + 0.0001))
        if found.scores[step] - max(rivals) < 1e-5 * max(1.0, abs(found.scores[step])):
            return False
        assert chosen not in found.order[:step]
    return True


def test_fifty_random_tables_without_ties(tmp_path: Path) -> None:
    """Both engines on 50 tables: pymrmr is started once for all of them."""
    tables, seed = [], 0
    while len(tables) < 50:
        seed += 1
        rng = np.random.default_rng(seed)
        n, p, levels = int(rng.integers(40, 150)), 12, int(rng.integers(2, 5))
        y = rng.integers(0, int(rng.integers(2, 4)), n)
        codes = rng.integers(0, levels, (n, p))
        copied = rng.random((n, p)) < np.linspace(0, 0.6, p)
        codes = np.where(copied, (y % levels)[:, None], codes)
        scheme: mrmr.Scheme = "MIQ" if seed % 2 else "MID"
        if tie_free(codes, y, 5, scheme):
            tables.append((codes, y, scheme))
    program = """
import sys, json, numpy as np, pandas as pd, pymrmr
out = []
for codes, y, scheme in json.load(open(sys.argv[1])):
    table = pd.DataFrame(codes, columns=["f%d" % j for j in range(len(codes[0]))])
    table.insert(0, "class", y)
    out.append([int(name[1:]) for name in pymrmr.mRMR(table, scheme, 5)])
json.dump(out, open(sys.argv[2], "w"))
"""
    (tmp_path / "in").write_text(json.dumps([(c.tolist(), y.tolist(), s) for c, y, s in tables]))
    subprocess.run(
        [sys.executable, "-c", program, tmp_path / "in", tmp_path / "out"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"},
    )
    theirs = json.loads((tmp_path / "out").read_text())
    for (codes, y, scheme), expected in zip(tables, theirs, strict=True):
        found = mrmr.rank_codes(codes, y, n_features=5, scheme=scheme)
        assert found.order.tolist() == expected
