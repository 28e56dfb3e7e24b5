import importlib
import sys
from pathlib import Path

import pytest

from microcalc.figures import lasso, roc
from microcalc.figures.save import save
from microcalc.files import read_csv

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
            )
            save(figure, folder / f"{stem}.svg")
        save(lasso.draw_cv(tables["lasso_cv"], choose="lambda_min"), folder / "lasso_cv.svg")
        return files | {"figures": [folder / f"{stem}.svg" for stem in (*stems, "lasso_cv")]}

    return build


@pytest.fixture(scope="session")
def ordinary(make):
    return make()


@pytest.fixture(scope="session")
def tiny(make, fake):
    return make(sizes=fake["TINY"])


@pytest.fixture(scope="session")
def nothing(make):
    return make(nothing_selected=True)
