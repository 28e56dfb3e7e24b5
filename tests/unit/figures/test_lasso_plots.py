import numpy as np
import pytest

from microcalc.figures import lasso_plots


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_largest_survivors_are_named(study):
    figure = lasso_plots.draw_path(study["lasso_path"], study["lasso_cv"], choose="lambda_min")
    survivors = study["selected"].iloc[1:].set_index("feature")["coefficient"].abs()
    named = [text for text in texts(figure) if text.startswith("deep_")]
    assert sorted(named) == sorted(survivors.nlargest(lasso_plots.MOST_LABELS).index)


def test_long_names_stand_in_a_legend_of_which_nothing_is_cut(study):
    path, cv = study["lasso_path"], study["lasso_cv"]
    long = {name: f"mri_log-sigma-3-0-mm-3D_firstorder_{name}" for name in path["feature"]}
    long[lasso_plots.INTERCEPT] = lasso_plots.INTERCEPT
    figure = lasso_plots.draw_path(
        path.assign(feature=path["feature"].map(long)), cv, choose="lambda_min"
    )
    survivors = study["selected"].iloc[1:].set_index("feature")["coefficient"].abs()
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    largest = survivors.nlargest(lasso_plots.MOST_LABELS).index
    assert named == [long[name] for name in largest]
    assert not [text for text in texts(figure) if text.startswith("mri_")]
    figure.canvas.draw()
    of_legend, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= of_legend.x0 < of_legend.x1 <= whole.x1
    assert whole.y0 <= of_legend.y0 < figure.axes[0].get_window_extent().y0


def test_a_lasso_that_was_given_nothing_says_so(study):
    cv, path = (study[name].iloc[:0] for name in ("lasso_cv", "lasso_path"))
    for figure in (
        lasso_plots.draw_path(path, cv, choose="lambda_min"),
        lasso_plots.draw_cv(cv, choose="lambda_min"),
    ):
        assert texts(figure) == [lasso_plots.NO_PATH]


@pytest.mark.parametrize("choose", ["lambda_min", "lambda_1se"])
def test_both_lambdas_are_marked_and_the_chosen_one_stands_out(study, choose):
    figure = lasso_plots.draw_cv(study["lasso_cv"], choose=choose)
    weights = {t.get_text(): t.get_fontweight() for t in figure.axes[0].texts}
    assert weights[lasso_plots.NAMES[choose]] == "bold"
    assert sorted(weights.values()) == ["bold", "normal"]


def test_the_measure_that_chose_lambda_is_drawn(study):
    cv = study["lasso_cv"]
    axes = lasso_plots.draw_cv(cv, choose="lambda_min").axes[0]
    assert "deviance" in axes.get_ylabel()
    by_auc = lasso_plots.draw_cv(cv.assign(auc=0.7, auc_se=0.02), choose="lambda_min").axes[0]
    assert by_auc.get_ylabel() == "Cross-validated AUC"
    points = by_auc.containers[0].lines[0].get_ydata(orig=False)
    np.testing.assert_allclose(points.astype(float), 0.7)


def test_a_lasso_that_keeps_nothing_is_said_to(nothing):
    figure = lasso_plots.draw_path(nothing["lasso_path"], nothing["lasso_cv"], choose="lambda_min")
    assert any("No feature survives" in text for text in texts(figure))
    figure = lasso_plots.draw_cv(nothing["lasso_cv"], choose="lambda_min")
    assert texts(figure) == ["λ min = λ 1SE"]


def test_labels_move_apart_as_little_as_needed():
    moved = lasso_plots.spread(np.array([0.0, 0.1, 5.0]), 1.0)
    assert np.all(np.diff(moved) >= 1.0 - 1e-12)
    np.testing.assert_allclose(moved, [-0.45, 0.55, 5.0])
    assert len(lasso_plots.spread(np.array([]), 1.0)) == 0
