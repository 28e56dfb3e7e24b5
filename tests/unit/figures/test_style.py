from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import font_manager

from microcalc.figures import style


def test_a_model_keeps_its_color_whoever_stands_beside_it():
    alone = style.models(["combined"])["combined"]
    assert style.models(["extra", "combined", "clinical"])["combined"] == alone


def test_no_two_models_look_alike():
    names = ["clinical", "deep", "combined", "a", "b", "c"]
    looks = style.models(names)
    assert list(looks) == names
    assert len({look.color for look in looks.values()}) == 6
    assert len({look.marker for look in looks.values()}) == 6


def test_the_users_matplotlibrc_does_not_reach_the_figure():
    with mpl.rc_context({"lines.linewidth": 9, "font.family": "serif"}):
        with style.applied():
            assert mpl.rcParams["lines.linewidth"] == 1.3
            assert mpl.rcParams["font.family"] == ["sans-serif"]
        assert mpl.rcParams["lines.linewidth"] == 9


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_the_letters_are_matplotlibs_own_whatever_the_machine_has(weight):
    with style.applied():
        found = font_manager.findfont(font_manager.FontProperties(weight=weight))
    assert Path(found).is_relative_to(mpl.get_data_path())


def test_sizes_are_in_millimeters():
    width, height = style.new_figure(85, 50.8).get_size_inches()
    assert (width, height) == pytest.approx((85 / 25.4, 2.0))
