import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from microcalc.core.files import read_csv, write_csv
from microcalc.figures import lasso_plots, roc
from microcalc.figures.save import save
from microcalc.report.run_times import RunTime
from microcalc.report.study import Study

FIGURES = Path(__file__).parents[1] / "figures"


@pytest.fixture(scope="session")
def fake():
    sys.path.insert(0, str(FIGURES))
    return vars(importlib.import_module("fake_study"))


@pytest.fixture(scope="session")
def make(fake, tmp_path_factory):
    """Return a function that invents a study and returns its files by the report's names."""

    def build(**options):
        folder = tmp_path_factory.mktemp("study")
        files = fake["make"](folder, **options)
        tables = {name: read_csv(files[name]) for name in ("metrics", "predictions", "lasso_cv")}
        stems = [f"roc_{split}" for split in ("train", "internal", "external")]
        for stem in stems:
            figure = roc.draw(
                tables["predictions"],
                tables["metrics"],
                split=stem[4:],
                models=fake["MODELS"],
                labels=fake["LABELS"],
                confidence=0.95,
                seed=1,
            )
            save(figure, folder / f"{stem}.svg")
        save(lasso_plots.draw_cv(tables["lasso_cv"], choose="lambda_min"), folder / "lasso_cv.svg")
        return files | {"figures": [folder / f"{stem}.svg" for stem in (*stems, "lasso_cv")]}

    return build


@pytest.fixture(scope="session")
def cohort_files(tmp_path_factory):
    """Return the files that frozen models leave of a new cohort, by the report's names."""
    folder = tmp_path_factory.mktemp("cohort")
    models, cases = ("clinical", "deep", "combined"), ("C1", "C2")
    made = {
        "register": pd.DataFrame(
            [(case, model, 0.25, 0.5, "DCIS", "2026-03-02T09:30:00+00:00", "no", "a", case + model)
             for model in models for case in cases],
            columns=["case_id", "model", "probability", "threshold", "called", "predicted_at",
                     "label_known", "made_from", "chain"],
        ),
        "warnings": pd.DataFrame(
            [("C1", "", "unknown level", "birads 6", "4A, 4B"),
             ("C1", "C1_CC", "unknown scanner", "Two", "One"),
             ("C2", "C2_CC", "unknown scanner", "Two", "One")],
            columns=["case_id", "image_id", "aspect", "found", "seen"],
        ),
        "contributions": pd.DataFrame(
            [(case, model, part, term, value, used, amount)
             for model in models for case in cases
             for part, term, value, used, amount in (
                ("log odds", "(intercept)", "", "", -1.5),
                ("log odds", "birads", "6", "4B", 0.25),
                ("log odds", "deep_score", "0.5", "", 0.5),
                ("deep_score", "(intercept)", "", "", 0.125),
                ("deep_score", "deep_0007", "1.75", "", 0.375),
             )],
            columns=["case_id", "model", "part_of", "term", "case_value", "stands_in",
                     "contribution"],
        ),
        "development": pd.DataFrame(
            [("deep", "train", "out_of_fold", 0.7, 0.8, -0.1, -0.2, 0.0, 0.04)],
            columns=["model", "split", "kind", "auc", "development_auc", "delta", "delta_low",
                     "delta_high", "p"],
        ),
        "included": pd.DataFrame(
            [("C1", "included", "", ""), ("C3", "excluded", "its file is damaged", "at 3")],
            columns=["case_id", "status", "reason", "detail"],
        ),
        "exclusions": pd.DataFrame(
            [("cohort", "C4", "", "no image in the images table")],
            columns=["room", "case_id", "image_id", "reason"],
        ),
    }  # fmt: skip
    for name, table in made.items():
        write_csv(table, folder / f"{name}.csv")
    return {name: folder / f"{name}.csv" for name in made}


@pytest.fixture(scope="session")
def ordinary(make):
    return make()


@pytest.fixture(scope="module")
def whole_study(ordinary, cohort_files, fake):
    """Return a study that every table can be made of, but that of fine-tuned networks."""
    study = Study.read({**ordinary, **cohort_files}, config=fake["CONFIG"])
    now = study.tables["metrics"].to_dict("records")
    runs = [{"metrics": [{**row, "auc": 0.5} for row in now]}, {"metrics": now}]
    times = {"models": {"predict": RunTime(1, 2.0, 2.0, 300.0)}}
    return replace(study, documents={**study.documents, "runs": runs}, times=times)


@pytest.fixture(scope="session")
def tiny(make, fake):
    return make(sizes=fake["TINY"])


@pytest.fixture(scope="session")
def nothing(make):
    return make(nothing_selected=True)


@pytest.fixture(scope="session")
def left_out(make):
    return make(score_left_out=True)
