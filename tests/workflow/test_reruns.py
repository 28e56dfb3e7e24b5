"""What reruns when something changes: no more than what depends on it, and no less."""

import shutil

import numpy as np
import pandas as pd
import pydicom
import pytest

from tests.workflow.tiny import ROOT, Study

FEATURES = "results/tiny/features/deep/features.parquet"
UPSTREAM = {"simulate_shard", "extract_patches", "prepare_weights", "extract_features"}


def invert_one_pixel_block(study: Study, image_id: str) -> None:
    """Replace one DICOM file by one with other pixels (uncompressed, as another export would)."""
    rows = pd.read_csv(study.folder / "images.csv", dtype=str)
    path = study.dicom / rows.set_index("image_id").path[image_id]
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.copy()
    roi = rows.set_index("image_id").loc[image_id, ["x0", "y0", "x1", "y1"]].astype(float)
    x, y = int(roi[["x0", "x1"]].mean()), int(roi[["y0", "y1"]].mean())
    block = pixels[y - 8 : y + 8, x - 8 : x + 8]
    block[...] = block.max() + block.min() - block[::-1]
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    dataset.save_as(path)


def first_image(study: Study, split: str) -> tuple[str, str]:
    cases = pd.read_csv(study.results / "cohort" / "eligible.csv", dtype=str)
    images = pd.read_csv(study.folder / "images.csv", dtype=str)
    case_id = cases[cases.split == split].case_id.iloc[0]
    return case_id, images[images.case_id == case_id].image_id.iloc[0]


def test_a_second_run_has_nothing_to_do_by_the_local_profile_too(finished: Study) -> None:
    profile = str(ROOT / "workflow" / "profiles" / "local")
    done = finished.snakemake("--workflow-profile", profile, cores=None)
    assert "Nothing to be done" in done.stderr


def test_a_label_edit_reruns_no_image_and_no_feature_job(study: Study) -> None:
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str)
    cases.loc[0, "label"] = {"IDC": "DCIS", "DCIS": "IDC"}[cases.loc[0, "label"]]
    cases.to_csv(study.folder / "cases.csv", index=False)
    planned = study.planned()
    assert planned["build_cohort"] == 1
    assert planned["select_features"] == 1
    assert planned["draw_models"] == planned["draw_evaluation"] == planned["write_report"] == 1
    assert not UPSTREAM & planned.keys()


@pytest.mark.slow
def test_a_setting_of_one_table_redraws_no_other_rooms_figures(study: Study) -> None:
    study.configure(lambda config: config["evaluation"].update(net_benefit={"high": 0.8}))
    drawn = {rule for rule in study.planned() if rule.startswith("draw_")}
    assert drawn == {"draw_probabilities"}


@pytest.mark.slow
def test_a_label_edit_redraws_what_depends_on_it_and_is_told_in_the_report(study: Study) -> None:
    def drawn(*names: str) -> list[int]:
        return [(study.results / name).stat().st_mtime_ns for name in names]

    kept = "images/shard-0.npz", "features/deep/shard-0.parquet", "simulate/shard-0.json"
    redone = "figures/roc_external.svg", "figures/lasso_path.svg", "report/report.html"
    before = drawn(*kept), drawn(*redone)
    metrics = pd.read_csv(study.results / "evaluation" / "metrics.csv")
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str)
    case_id, _ = first_image(study, "external")
    at = cases.case_id == case_id
    cases.loc[at, "label"] = cases.loc[at, "label"].map({"IDC": "DCIS", "DCIS": "IDC"})
    cases.to_csv(study.folder / "cases.csv", index=False)
    study.snakemake()
    assert drawn(*kept) == before[0]
    assert all(now > then for now, then in zip(drawn(*redone), before[1], strict=True))
    page = (study.results / "report" / "report.html").read_text()
    told = page.partition('id="changes"')[2].partition("</section>")[0]
    assert "Changed inputs: case table" in told
    again = pd.read_csv(study.results / "evaluation" / "metrics.csv")
    old, new = (
        table.query("split == 'external' and model == 'deep'").auc.item()
        for table in (metrics, again)
    )
    assert old != new
    assert f"<td>{old:.3f}</td><td>{new:.3f}</td>" in told


def test_a_replaced_dicom_recomputes_one_patch_and_one_cases_features(study: Study) -> None:
    case_id, image_id = first_image(study, "train")
    features = study.results / "features" / "deep" / "features.parquet"
    before = pd.read_parquet(features).set_index("case_id")
    invert_one_pixel_block(study, image_id)
    planned = study.planned()
    assert (planned["extract_patches"], planned["extract_features"]) == (1, 1)
    assert not {"simulate_shard", "prepare_weights", "build_cohort"} & planned.keys()
    done = study.snakemake(FEATURES)
    assert sum("computed 1, kept" in study.log(f"extract_patches/{k}") for k in "012") == 1
    logs = [study.log(f"extract_features/deep-{k}") for k in "012"]
    assert sum("measured 1, kept" in log for log in logs) == 1, done.stderr
    after = pd.read_parquet(features).set_index("case_id")
    assert list(before.index[(before != after).any(axis=1)]) == [case_id]
    assert not {"extract_patches", "extract_features"} & study.planned().keys()


def test_a_replaced_dicom_is_seen_beside_a_label_edit(study: Study) -> None:
    cases = pd.read_csv(study.folder / "cases.csv", dtype=str)
    cases.loc[0, "label"] = {"IDC": "DCIS", "DCIS": "IDC"}[cases.loc[0, "label"]]
    cases.to_csv(study.folder / "cases.csv", index=False)
    invert_one_pixel_block(study, first_image(study, "train")[1])
    planned = study.planned()
    assert (planned["build_cohort"], planned["extract_patches"]) == (1, 1)


def test_a_new_patient_touches_one_shard(study: Study) -> None:
    for table in ("cases", "images", "phantoms"):
        path = study.folder / f"{table}.csv"
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        first = rows[rows.case_id == "C001"]
        new = first.apply(
            lambda c: c.str.replace("C001", "C901").str.replace(r"^P\d+$", "P901", regex=True)
        )
        pd.concat([rows, new]).to_csv(path, index=False)
    planned = study.planned()
    counts = {
        rule: planned[rule] for rule in ("simulate_shard", "extract_patches", "extract_features")
    }
    assert counts == {"simulate_shard": 1, "extract_patches": 1, "extract_features": 1}
    study.snakemake(FEATURES)
    features = pd.read_parquet(study.results / "features" / "deep" / "features.parquet")
    assert "C901" in set(features.case_id)


def test_a_change_that_snakemake_cannot_see_stops_the_run(study: Study) -> None:
    shutil.rmtree(study.folder / ".snakemake" / "metadata")
    _, image_id = first_image(study, "train")
    invert_one_pixel_block(study, image_id)
    done = study.snakemake(check=False)
    assert done.returncode != 0
    assert "run the same command once with --forcerun extract_patches" in done.stderr
    assert "Traceback" not in done.stderr
    study.snakemake("--forcerun", "extract_patches", "--", "results/tiny/images/included.csv")
    logs = [study.log(f"extract_patches/{k}") for k in "012"]
    assert sum("computed 1, kept" in log for log in logs) == 1
