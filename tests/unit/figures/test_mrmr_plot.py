"""The axes of the mRMR figure say what the scheme measured."""

import pytest

from microcalc.figures import mrmr_plot


@pytest.mark.parametrize(
    ("scheme", "redundancy", "relevance"),
    [
        ("MIQ", "Mean redundancy (bits)", "Relevance to the class (bits)"),
        (
            "correlation",
            "Mean redundancy (|Pearson correlation|)",
            "Relevance to the class (F statistic)",
        ),
    ],
)
def test_axes_are_in_the_schemes_units(study, scheme: str, redundancy: str, relevance: str) -> None:
    axes = mrmr_plot.draw(study["mrmr"], study["selected"], scheme=scheme).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (redundancy, relevance)
