import pandas as pd
import pytest

from microcalc.core.files import write_csv
from microcalc.figures import learning_curves, style


def curve(n_head, n_stages, best):
    n = n_head + n_stages
    return pd.DataFrame(
        {
            "epoch": range(n),
            "phase": ["head"] * n_head + ["stages"] * n_stages,
            "loss_learn": [0.7 - 0.05 * i for i in range(n)],
            "loss_stop": [0.7 + 0.02 * abs(i - best) for i in range(n)],
            "is_best": [i == best for i in range(n)],
        }
    )


@pytest.mark.parametrize("n", [1, 4, 6])
def test_every_network_has_a_panel(n):
    names = ["whole", *(f"fold-{k}" for k in range(n - 1))]
    curves = {("tuned", name): curve(2, 3 + i, 1 + i) for i, name in enumerate(names)}
    figure = learning_curves.draw(curves)
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "All folds", *(f"Without fold {k}" for k in range(n - 1))
    ]  # fmt: skip


def test_networks_of_several_sets_are_told_apart(tmp_path):
    paths = [tmp_path / tuned / "fold-0.csv" for tuned in ("tuned", "densenet_tuned")]
    for path in paths:
        write_csv(curve(1, 2, 1), path)
    curves = learning_curves.read(paths)
    assert list(curves) == [("tuned", "fold-0"), ("densenet_tuned", "fold-0")]
    titles = [axes.get_title(loc="left") for axes in learning_curves.draw(curves).axes]
    assert titles == ["Tuned: without fold 0", "Densenet tuned: without fold 0"]


def test_many_sets_still_fit_on_a_page():
    curves = {(f"set_{i}", f"fold-{k}"): curve(1, 2, 1) for i in range(4) for k in range(5)}
    assert learning_curves.draw(curves).get_figheight() * 25.4 < style.TALLEST_MM + 0.01


def test_the_kept_epoch_and_the_first_phase_are_where_they_were():
    figure = learning_curves.draw({("tuned", "fold-1"): curve(2, 4, 3)})
    (axes,) = [axes for axes in figure.axes if axes.axison]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["Kept"].get_xdata().tolist() == [4]
    assert lines["Kept"].get_ydata().tolist() == [0.7]
    assert lines["Held out"].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    (shade,) = axes.patches
    assert shade.get_x() == 0.5
    assert shade.get_width() == 2
