"""What is done to validation cases changes no fitted number, from the pixels to the models."""

import pandas as pd
import pytest

from tests.workflow.test_reruns import first_image, invert_one_pixel_block
from tests.workflow.tiny import Study

FITTED = (
    *("selection/**/*.csv", "models/*.json", "models/*.training.csv", "models/*variable.csv"),
    "weights/*.safetensors",
)
TARGETS = [f"results/tiny/models/{name}" for name in ("predictions.csv", "domain.json")]
TABLES = ("cases", "images", "phantoms")
EXTREME = {"age": "99", "size_mm": "150", "birads": "5", "palpable": "yes"}


def read(study: Study, table: str) -> pd.DataFrame:
    return pd.read_csv(study.folder / f"{table}.csv", dtype=str, keep_default_na=False)


def write(rows: pd.DataFrame, study: Study, table: str) -> None:
    rows.to_csv(study.folder / f"{table}.csv", index=False)


def run_again(study: Study) -> None:
    """Run the chain up to the predictions: they change, and nothing that was fitted does."""
    before, predictions = study.contents(*FITTED), study.contents("predictions.csv")
    study.snakemake(*TARGETS)
    after = study.contents(*FITTED)
    assert [name for name in before if before[name] != after[name]] == []
    assert study.contents("predictions.csv") != predictions


@pytest.fixture
def split(study: Study) -> Study:
    """The finished study, its splits written down as the user's own: no case can change place."""
    splits = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    splits = splits.set_index("case_id").split
    cases = read(study, "cases")
    write(cases.assign(split=splits[cases.case_id].to_numpy()), study, "cases")
    return study


def test_changed_validation_cases_change_nothing_fitted(study: Study) -> None:
    cases = read(study, "cases").set_index("case_id")
    for split in ("internal", "external"):
        case_id, image_id = first_image(study, split)
        invert_one_pixel_block(study, image_id)
        cases.loc[case_id, list(EXTREME)] = list(EXTREME.values())
    write(cases.reset_index(), study, "cases")
    run_again(study)


@pytest.mark.slow
def test_labels_of_validation_cases_change_nothing_fitted(split: Study) -> None:
    cases = read(split, "cases")
    held_out = cases.split != "train"
    cases.loc[held_out, "label"] = cases.label[held_out].map({"IDC": "DCIS", "DCIS": "IDC"})
    write(cases, split, "cases")
    run_again(split)


@pytest.mark.slow
def test_added_validation_cases_change_nothing_fitted(split: Study) -> None:
    for number, place in enumerate(("internal", "external"), start=901):
        known, _ = first_image(split, place)
        for table in TABLES:
            rows = read(split, table)
            new = rows[rows.case_id == known].apply(
                lambda cells, old=known, n=number: cells.str.replace(old, f"C{n}").str.replace(
                    r"^P\d+$", f"P{n}", regex=True
                )
            )
            new = new.assign(**{name: EXTREME[name] for name in EXTREME if name in new})
            write(pd.concat([new, rows]), split, table)
    run_again(split)
    assert {"C901", "C902"} < set(pd.read_csv(split.results / "models/predictions.csv").case_id)


@pytest.mark.slow
def test_removed_validation_cases_change_nothing_fitted(split: Study) -> None:
    cases = read(split, "cases")
    internal = cases.case_id[cases.split == "internal"]
    kept = set(cases.case_id[cases.split == "train"]) | set(internal[::2])
    for table in TABLES:
        rows = read(split, table)
        write(rows[rows.case_id.isin(kept)], split, table)
    run_again(split)
    left = pd.read_csv(split.results / "models" / "predictions.csv")
    assert set(left.split) == {"train", "internal"}
