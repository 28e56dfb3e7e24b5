import pytest

from microcalc.models.rare_levels import merge_rare


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((20, 30, 3, 9), ["4A", "4B", "4C or 5", "4C or 5"]),
        ((2, 30, 8, 9), ["4A or 4B", "4A or 4B", "4C", "5"]),
        ((1, 1, 1, 1), ["4A or 4B or 4C or 5"] * 4),
        ((9, 9, 9, 9), ["4A", "4B", "4C", "5"]),
    ],
)
def test_the_rarest_joins_its_rarer_neighbor(counts: tuple, expected: list) -> None:
    levels = ("4A", "4B", "4C", "5")
    merged = merge_rare(levels, dict(zip(levels, counts, strict=True)), below=8)
    assert list(merged.values()) == expected


def test_nothing_is_merged_unasked() -> None:
    assert merge_rare(("no", "yes"), {"no": 1, "yes": 1}, below=0) == {"no": "no", "yes": "yes"}
