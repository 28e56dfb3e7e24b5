import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

from microcalc.figures import roc


def test_points_are_those_of_scikit_learn_ties_included():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 80)
    score = rng.integers(0, 12, 80) / 12
    x, height = roc.points(y, score)
    expected = roc_curve(y, score, drop_intermediate=False)
    np.testing.assert_allclose(x, expected[0])
    np.testing.assert_allclose(height, expected[1])


def draw(tables, fake, split):
    figure = roc.draw(
        tables["predictions"],
        tables["metrics"],
        split=split,
        models=fake["MODELS"],
        labels=fake["LABELS"],
        confidence=0.95,
        seed=1,
    )
    return figure.axes[0]


def legend(axes):
    box = axes.get_legend()
    return box.get_title().get_text(), [text.get_text() for text in box.get_texts()]


def test_the_legend_gives_both_classes_and_every_auc_with_its_interval(study, fake):
    title, lines = legend(draw(study, fake, "internal"))
    assert "20 DCIS, 34 IDC" in title
    assert "95% CI" in title
    rows = study["metrics"].query("split == 'internal' and model == 'deep'").iloc[0]
    assert f"Deep {rows.auc:.2f} ({rows.auc_low:.2f}–{rows.auc_high:.2f})" in lines


def test_training_is_drawn_from_out_of_fold_scores_and_says_so(study, fake):
    axes = draw(study, fake, "train")
    assert "out-of-fold" in legend(axes)[0]
    own = study["predictions"].query("model == 'deep' and kind == 'out_of_fold'")
    expected = roc.points(own["y"], own["probability"])
    line = next(x for x in axes.lines if x.get_label().startswith("Deep"))
    np.testing.assert_allclose(line.get_xdata(), expected[0])


def test_the_operating_point_lies_where_the_metrics_say(study, fake):
    row = study["metrics"].query("split == 'external' and model == 'combined'").iloc[0]
    marks = [(*x.get_xdata(), *x.get_ydata()) for x in draw(study, fake, "external").lines[1:]]
    wanted = pytest.approx((1 - row.specificity, row.sensitivity))
    assert any(len(mark) == 2 and mark == wanted for mark in marks)


def test_of_models_that_agree_on_every_case_each_curve_and_mark_is_seen(study, fake):
    alike = {}
    for name in ("predictions", "metrics"):
        table = study[name]
        own = table[table.model == "deep"]
        alike[name] = pd.concat([own.assign(model=model) for model in fake["MODELS"]])
    lines = draw(alike, fake, "external").lines[1:]
    curves, marks = ([x for x in lines if (len(x.get_xdata()) == 1) == one] for one in (0, 1))
    lowest = min(curves, key=lambda curve: curve.get_zorder())
    assert lowest.get_linestyle() == "-"
    assert sum(curve.get_zorder() == lowest.get_zorder() for curve in curves) == 1
    sizes = [mark.get_markersize() for mark in marks]
    assert sizes == sorted(set(sizes), reverse=True)
    assert len(sizes) == 3


def test_a_set_of_one_class_is_not_estimable(tiny, fake):
    _, lines = legend(draw(tiny, fake, "external"))
    assert lines == [f"{name}: not estimable" for name in ("Clinical", "Deep", "Combined")]


def test_the_legend_of_many_models_stands_under_the_axes(study, fake):
    tables = {name: study[name] for name in ("predictions", "metrics")}
    for copy in ("second", "third"):
        for name, table in tables.items():
            more = table[table["model"] == "deep"].assign(model=copy)
            tables[name] = pd.concat([table, more])
    models = [*fake["MODELS"], "second", "third"]
    known = {"labels": fake["LABELS"], "confidence": 0.95, "seed": 1}
    figure = roc.draw(*tables.values(), split="internal", models=models, **known)
    figure.draw_without_rendering()
    (box,), (axes,) = figure.legends, figure.axes
    assert len(box.get_texts()) == len(models)
    assert "20 DCIS, 34 IDC" in box.get_title().get_text()
    assert box.get_window_extent().y1 < axes.get_window_extent().y0
    assert axes.get_window_extent().width > 0.8 * figure.bbox.width


@pytest.mark.parametrize("worse_than_chance", [False, True])
def test_the_legend_stands_where_no_curve_is(study, fake, worse_than_chance):
    rows = study["predictions"]
    if worse_than_chance:
        rows = rows.assign(probability=1 - rows["probability"])
    axes = draw(study | {"predictions": rows}, fake, "external")
    axes.figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent().transformed(axes.transAxes.inverted())
    assert (box.x0 < 0.3) == (box.y0 > 0.5) == worse_than_chance
