"""Every figure of every room, on an ordinary study and on two awkward ones."""

import functools
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from tests.unit.configs import changed

from microcalc.core.files import read_csv, read_json, read_parquet
from microcalc.figures import (
    calibration_plot,
    confusion,
    decision_curves,
    flow_diagram,
    forest,
    odds_ratio_plot,
    refit_distributions,
    roc,
    style,
    subgroup_plot,
)
from microcalc.figures.rooms import evaluation, models, probabilities, selection

SPLITS = ["train", "internal", "external"]
STUDIES = ["ordinary", "tiny", "nothing"]
ROOMS = ["cohort", "selection", "models", "evaluation", "probabilities", "refits"]


@pytest.fixture(scope="module")
def config(fake):
    return fake["CONFIG"]


@pytest.fixture(scope="module")
def draw(files, config):
    """Return a function that draws a room of a study, each once."""
    return functools.cache(lambda room, study: drawn(room, files[study], config))


def drawn(room, paths, config):
    named = dict(paths) | {"path": paths["lasso_path"], "cv": paths["lasso_cv"]}
    if room == "cohort":
        return {"flow": flow_diagram.draw(read_json(named["flow"]))}
    labels, clinical, names = config.labels, config.clinical, list(config.models)
    confidence = config.evaluation.confidence
    if room == "selection":
        choose = config.selection.lasso.choose
        return selection.draw(
            named,
            [named["features"]],
            labels=labels,
            clinical=clinical,
            choose=choose,
            scheme="MIQ",
        )
    if room == "probabilities":
        parts = {part: paths[f"calibration_{part}"] for part in ("curve", "groups", "histogram")}
        return probabilities.draw(named | parts, models=names, labels=labels, confidence=confidence)
    if room == "refits":
        replicates = [
            read_csv(named[f"{of}_replicates"]) for of in ("split_lottery", "permutation")
        ]
        tables = read_csv(named["bootstrap"]), *replicates, read_csv(named["metrics"])
        return {"resampling": refit_distributions.draw(*tables, models=names)}
    known = {"labels": labels, "clinical": clinical, "confidence": confidence}
    if room == "models":
        return models.draw(named, paths["models"], main_score="deep", one_by_one=[], **known)
    known |= {"scored": SPLITS, "models": names, "seed": config.seed, "main_score": "deep"}
    return evaluation.draw(named, paths["models"], **known)


def words_of(figure):
    texts = [text for axes in figure.axes for text in axes.texts]
    return " ".join(text.get_text() for text in texts)


def assert_text_is_inside(name, figure):
    with style.applied():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.02, name
    assert box.x1 < figure.get_figwidth() + 0.02, name
    assert box.y1 < figure.get_figheight() + 0.02, name


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("room", ROOMS)
def test_every_figure_has_a_journal_width_and_keeps_its_text_inside(draw, room, study):
    for name, figure in draw(room, study).items():
        width = figure.get_figwidth() * 25.4
        assert width in (pytest.approx(style.COLUMN_MM), pytest.approx(style.PAGE_MM)), name
        assert figure.get_figheight() * 25.4 < 240, name
        assert_text_is_inside(name, figure)


def test_a_lasso_that_keeps_nothing_is_said_wherever_features_are_missing(draw):
    heatmap = draw("selection", "nothing")["feature_heatmap"]
    assert "kept no feature" in words_of(heatmap)
    waterfall = draw("evaluation", "nothing")["score_waterfall"]
    assert "same for every case" in words_of(waterfall)


def test_the_rooms_draw_a_study_of_several_scores(fake, files, tmp_path):
    paths = fake["several"](files["ordinary"], tmp_path)
    first, second = (
        drawn("models", paths | {"models": models}, fake["SEVERAL"])["nomogram"]
        for models in (paths["models"], [paths["models"][0], paths["models"][-1]])
    )
    assert "Deep score" in words_of(first)
    assert "Both score" not in words_of(first)
    assert "Deep score" in words_of(second)
    assert "Both score" in words_of(second)
    assert_text_is_inside("nomogram", second)
    waterfall = drawn("evaluation", paths, fake["SEVERAL"])["score_waterfall"]
    assert waterfall._supylabel.get_text() == "Deep score − threshold (log odds)"


def test_features_of_two_sets_stand_side_by_side(fake, files, tmp_path):
    paths = files["ordinary"]
    whole = read_parquet(paths["features"])
    names = [name for name in whole.columns if name != "case_id"]
    parts = [tmp_path / "deep.parquet", tmp_path / "densenet.parquet"]
    whole[[*names[:10], "case_id"]].to_parquet(parts[0])
    whole.iloc[::-1][["case_id", *names[10:]]].to_parquet(parts[1])
    named = dict(paths) | {"path": paths["lasso_path"], "cv": paths["lasso_cv"]}
    config = fake["CONFIG"]
    known = {"labels": config.labels, "clinical": config.clinical}
    known |= {"choose": "lambda_min", "scheme": "MIQ"}
    clouds = [
        selection.draw(named, tables, **known)["embedding"].axes[0].collections[0].get_offsets()
        for tables in ([paths["features"]], parts)
    ]
    np.testing.assert_array_equal(*clouds)


def test_a_handful_of_cases_gets_no_smooth_curve_and_one_class_no_net_benefit(draw):
    assert "One class only" in words_of(draw("probabilities", "tiny")["net_benefit"])
    train, internal = draw("probabilities", "tiny")["calibration"].axes[:2]
    assert len(train.collections) > len(internal.collections)  # the band


def test_the_calibration_of_many_models_still_fits_on_a_page(study, config):
    names = [f"model_{i}" for i in range(8)]
    tables = (
        pd.concat([study[table].query("model == 'deep'").assign(model=name) for name in names])
        for table in (
            *("calibration", "calibration_curve"),
            *("calibration_groups", "calibration_histogram"),
        )
    )
    figure = calibration_plot.draw(*tables, models=names, labels=config.labels, confidence=0.95)
    assert figure.get_figheight() * 25.4 < 240


def test_confusion_cells_are_the_counts_of_the_metrics(draw, study):
    figure = draw("evaluation", "ordinary")["confusion"]
    row = study["metrics"].query("model == 'deep' and split == 'internal'").iloc[0]
    cells = [text.get_text().split("\n")[0] for text in figure.axes[4].texts]
    assert cells == [str(int(row[name])) for name in ("tn", "fp", "fn", "tp")]


def test_a_case_that_left_stands_in_the_flow_with_its_reason(files):
    text = words_of(flow_diagram.draw(read_json(files["ordinary"]["flow"])))
    assert "1 case: label missing" in text
    assert "1 image: the region lies outside the image" in text


def test_a_flow_of_many_reasons_is_still_a_figure():
    reasons = [
        {"reason": f"reason {i} " + "long " * 20, "cases": i, "images": 1} for i in range(30)
    ]
    counts = {
        "labels": {"negative": "DCIS", "positive": "IDC"},
        "steps": [{"step": s, "cases": 9} for s in ("assessed", "eligible", "included")],
        "rooms": [{"room": "cohort", "cases": 9, "images": 0, "reasons": reasons}],
        "splits": {"train": {"included": {"n": 9, "n_pos": 4, "n_neg": 5}, "images": 18}},
    }
    text = words_of(flow_diagram.draw(counts))
    # reasons 0 to 17 are the rarest
    assert "• 153 cases, 18 images: 18 further reasons" in text


def test_marks_of_one_line_do_not_touch_and_a_crowded_plot_fits_on_the_page():
    def middles(marks, n_lines):
        lines = [forest.Line("a", (forest.Mark(0.7, 0.6, 0.8),) * marks)] * n_lines
        figure = forest.plot(lines, headings=(), xlabel="AUC", reference=0.5, limits=(0, 1))
        assert figure.get_figheight() * 25.4 < style.TALLEST_MM + 0.01
        own = [line.get_ydata() for line in figure.axes[1].lines[1:]]
        return sorted({float(values[0]) for values in own})

    # a mark of 4 points is 1.4 mm high
    assert min(np.diff(middles(3, 8))) > 1.5
    assert min(np.diff(middles(8, 40))) > 0


def test_an_odds_ratio_stands_clear_of_the_end_of_the_axis(config):
    univariable = pd.DataFrame(
        [("palpable", "no", 60, 1.0, np.nan, np.nan), ("palpable", "yes", 40, 41.0, 6.0, 280.0)],
        columns=["variable", "level", "n", "odds_ratio", "or_low", "or_high"],
    )
    figure = odds_ratio_plot.draw(
        univariable, univariable[:0], config.clinical, labels=config.labels, confidence=0.95
    )
    assert figure.axes[1].get_xlim()[1] == pytest.approx(82.0)


def test_eight_models_fit_into_every_figure_that_names_them(study, config):
    names = [f"model_with_a_long_name_{i}" for i in range(8)]

    def eight(table):
        own = study[table].query("model == 'deep'")
        return pd.concat([own.assign(model=name) for name in names])

    curves = study["net_benefit"]
    strategies = curves[curves.model.str.startswith("treat_")]
    known = {"models": names, "labels": config.labels}
    of_intervals = {**known, "split": "external", "confidence": 0.95}
    figures = {
        "roc": roc.draw(eight("predictions"), eight("metrics"), seed=1, **of_intervals),
        "confusion": confusion.draw(eight("metrics"), **known),
        "net_benefit": decision_curves.draw(pd.concat([strategies, eight("net_benefit")]), **known),
        "subgroups": subgroup_plot.draw(
            eight("subgroups"), clinical=config.clinical, **of_intervals
        ),
    }
    for name, figure in figures.items():
        assert figure.get_figheight() * 25.4 < style.TALLEST_MM + 0.01, name
        assert_text_is_inside(name, figure)
    columns = [axes.texts for axes in figures["subgroups"].axes[2:]]
    rows = zip(*columns, strict=True)
    for row in rows:
        boxes = [text.get_window_extent() for text in row]
        assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_long_names_of_classes_stay_inside_and_apart(files, config):
    labels = {"negative": "Ductal carcinoma in situ", "positive": "Invasive ductal carcinoma"}
    long = changed(config, labels=labels)
    figures = {}
    for room in ("selection", "models", "evaluation", "probabilities"):
        figures |= drawn(room, files["ordinary"], long)
    for name, figure in figures.items():
        assert_text_is_inside(name, figure)
    titles = [axes.title.get_window_extent() for axes in figures["net_benefit"].axes]
    ticks = [
        [label.get_window_extent() for label in axes.get_xticklabels()]
        for axes in figures["confusion"].axes
    ]
    for row in (titles, *ticks):
        assert all(one.x1 < other.x0 for one, other in pairwise(row))
