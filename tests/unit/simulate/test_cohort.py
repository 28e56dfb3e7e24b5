import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.simulate import cohort, lesion
from microcalc.simulate.__main__ import DEMO_SEED, main
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import SCANNERS

DEMO = Path(__file__).parents[3] / "workflow" / "demo"
LEVELS = {
    "menopausal_status": {"premenopausal", "postmenopausal"},
    "lesion_type": {"calcification only", "with mass", "with asymmetry or distortion"},
    "birads": {"4A", "4B", "4C", "5"},
    "breast_density": {"A", "B", "C", "D"},
    "morphology": {
        "amorphous",
        "coarse heterogeneous",
        "fine pleomorphic",
        "fine linear-branching",
    },
    "distribution": {"grouped", "linear", "segmental"},
    "palpable": {"no", "yes"},
}


@pytest.fixture(scope="module")
def tables():
    return cohort.draw(DEMO_SEED)


def test_committed_tables_are_what_the_generator_writes(tmp_path):
    main(["--folder", str(tmp_path)])
    for name in ("cases.csv", "images.csv", "phantoms.csv"):
        assert (DEMO / name).read_bytes() == (tmp_path / name).read_bytes(), (
            f"workflow/demo/{name} is stale: run `python -m microcalc.simulate`"
        )


def test_classes_centers_and_views_are_as_announced(tables):
    cases = tables.cases
    assert cases["label"].value_counts().to_dict() == {"IDC": 188, "DCIS": 106}
    assert cases["patient_id"].is_unique
    assert cases["case_id"].is_unique
    assert (cases["center"] == "A").sum() == 196
    views = tables.images.groupby("case_id")["view"].apply(sorted)
    assert set(views.map(tuple)) == {("CC", "MLO")}
    assert list(tables.images["image_id"]) == list(tables.phantoms["image_id"])
    assert tables.images["image_id"].is_monotonic_increasing
    shares = cases.groupby("center")["label"].apply(lambda label: (label == "IDC").mean())
    assert abs(shares["A"] - shares["B"]) < 0.01


def test_only_known_levels_and_a_few_percent_missing(tables):
    for column, levels in LEVELS.items():
        assert set(tables.cases[column].dropna()) == levels
    share = tables.cases[list(cohort.MISSING)].isna().mean()
    assert share.between(0.002, 0.07).all()
    others = tables.cases.drop(columns=list(cohort.MISSING))
    assert not others.isna().to_numpy().any()
    assert tables.cases["age"].dropna().between(28, 84).all()
    assert (tables.cases["size_mm"].dropna() > 0).all()


def test_the_latent_truth_and_the_readers_never_see_the_label(tables):
    assert "label" not in tables.phantoms
    assert set(inspect.signature(cohort._read).parameters) == {"latent", "rng"}
    assert not {"label", "y"} & set(tables.images)


def test_ids_and_geometry_tell_nothing_about_the_label():
    tables = cohort.draw(3, n_negative=600, n_positive=600)
    positive = (tables.cases["label"] == "IDC").to_numpy()
    case_rank = np.arange(len(positive))
    patient_rank = tables.cases["patient_id"].str[1:].astype(int)
    phantoms = tables.phantoms[tables.phantoms["view"] == "MLO"]
    trivial = phantoms[["breast_width_mm", "thickness_mm", "lesion_x_mm", "n_scattered"]]
    for values in (case_rank, patient_rank, phantoms["laterality"] == "L", *trivial.T.to_numpy()):
        z = abs(np.corrcoef(np.asarray(values, dtype=float), positive)[0, 1]) * len(positive) ** 0.5
        assert z < 3.5


def test_radiologists_misread_about_the_share_that_is_documented():
    tables = cohort.draw(4, n_negative=800, n_positive=800)
    truth = tables.phantoms.drop_duplicates("case_id")
    read = tables.cases["morphology"].to_numpy()
    wrong = (read != truth["morphology"].to_numpy())[~pd.isna(read)]
    assert wrong.mean() == pytest.approx(0.28, abs=0.03)


def test_each_roi_lies_in_its_matrix_and_holds_every_calcification(tables):
    rows = zip(tables.images.to_dict("records"), tables.phantoms.to_dict("records"), strict=True)
    for image, row in list(rows)[:120]:
        phantom = Phantom.from_row(row)
        spacing = SCANNERS[phantom.center].spacing_mm
        columns = round(phantom.field_width_mm / spacing)
        assert 0 <= image["x0"] < image["x1"] <= columns
        assert 0 <= image["y0"] < image["y1"] <= round(phantom.field_height_mm / spacing)
        x, y = lesion.cluster(phantom, seed=DEMO_SEED).centers.T / spacing
        if phantom.laterality == "R":
            x = columns - x
        assert (x >= image["x0"]).all()
        assert (x <= image["x1"]).all()
        assert (y >= image["y0"]).all()
        assert (y <= image["y1"]).all()


def test_seeds_differ_and_a_seed_repeats(tables):
    again = cohort.draw(DEMO_SEED)
    pd.testing.assert_frame_equal(tables.cases, again.cases)
    assert not tables.cases.equals(cohort.draw(DEMO_SEED + 1).cases)


def test_a_tiny_study_has_its_own_field():
    tiny = cohort.draw(1, n_negative=9, n_positive=15, field_mm=cohort.TINY_FIELD_MM)
    assert len(tiny.cases) == 24
    assert set(tiny.phantoms["field_height_mm"]) == {cohort.TINY_FIELD_MM[0]}
    assert set(tiny.cases["center"]) == {"A", "B"}
