import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from microcalc.figures import style
from microcalc.figures.save import save


def plot():
    with style.applied():
        figure = style.new_figure(85, 60)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], label="a")
        axes.fill_between([0, 1], [0, 0], [1, 1], alpha=0.2, hatch="//")
        axes.legend()
    return figure


def test_the_same_figure_is_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        save(plot(), *(tmp_path / folder / f"x.{suffix}" for suffix in ("png", "pdf", "svg")))
    for suffix in ("png", "pdf", "svg"):
        first = (tmp_path / "one" / f"x.{suffix}").read_bytes()
        assert first == (tmp_path / "two" / f"x.{suffix}").read_bytes()
        assert b"202" not in first[:400] or suffix == "png", "a date stands in the file's head"


def test_the_last_digits_of_the_layout_do_not_show(tmp_path, monkeypatch):
    save(plot(), tmp_path / "x.svg")
    execute = ConstrainedLayoutEngine.execute

    def in_another_process(engine, figure):
        execute(engine, figure)
        for axes in figure.axes:
            noisy = [side * (1 + 4e-16) for side in axes.get_position(original=True).bounds]
            axes.set_position(noisy, which="original")

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", in_another_process)
    save(plot(), tmp_path / "y.svg")
    assert (tmp_path / "x.svg").read_bytes() == (tmp_path / "y.svg").read_bytes()


def test_a_png_has_300_dots_an_inch_and_the_printed_width(tmp_path):
    save(plot(), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert image.width / 300 * 25.4 == pytest.approx(85, abs=0.1)


def test_another_format_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"\.jpg"):
        save(plot(), tmp_path / "x.jpg")
    assert list(tmp_path.iterdir()) == []
