from pathlib import Path

from tests.scripts import run_script

SUFFIXES = ("png", "pdf", "svg")


def files(folder, stem):
    return {suffix: str(folder / f"{stem}.{suffix}") for suffix in SUFFIXES}


def test_draw_probabilities_writes_three_formats_of_each_figure(fake, tmp_path):
    paths = fake["make"](tmp_path)
    parts = {part: paths[f"calibration_{part}"] for part in ("curve", "groups", "histogram")}
    given = {name: paths[name] for name in ("calibration", "net_benefit")} | parts
    out = {name: list(files(tmp_path, name).values()) for name in ("calibration", "net_benefit")}
    asked = {
        "models": fake["MODELS"],
        "labels": fake["LABELS"].plain(),
        "confidence": 0.95,
    }
    run_script(
        "draw_probabilities",
        log=tmp_path / "log",
        input=given,
        output=out,
        params=asked,
    )
    assert all(Path(path).stat().st_size > 1000 for paths in out.values() for path in paths)


def test_draw_cohort_writes_every_figure_it_names(fake, tmp_path):
    paths = fake["make"](tmp_path)
    out = list(files(tmp_path, "flow").values())
    run_script("draw_cohort", log=tmp_path / "log", input={"flow": paths["flow"]}, output=out)
    assert all(Path(path).stat().st_size > 1000 for path in out)


def test_draw_selection_and_draw_models_are_given_what_the_rules_give(fake, tmp_path):
    paths, config = fake["make"](tmp_path), fake["CONFIG"]
    known = {"labels": fake["LABELS"].plain(), "clinical": config.plain()["clinical"]}
    names = ("included", "mrmr", "selected", "univariable", "multivariable", "scores", "models")
    given = {name: paths[name] for name in names} | {"features": [paths["features"]]}
    given |= {"path": paths["lasso_path"], "cv": paths["lasso_cv"]}
    asked = known | {"confidence": 0.95, "main_score": "deep", "one_by_one": []}
    drawn = {
        "draw_models": (asked, ("odds_ratios", "nomogram")),
        "draw_selection": (
            known | {"choose": "lambda_min", "scheme": "MIQ"},
            (
                *("mrmr", "lasso_path", "lasso_cv"),
                *("feature_heatmap", "feature_correlation", "embedding"),
            ),
        ),
    }
    for script, (params, figures) in drawn.items():
        out = {name: list(files(tmp_path, name).values()) for name in figures}
        run_script(script, log=tmp_path / "log", input=given, output=out, params=params)
        assert all(Path(path).stat().st_size > 1000 for paths in out.values() for path in paths)
