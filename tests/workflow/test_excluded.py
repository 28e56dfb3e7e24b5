"""What becomes of images that cannot be used: named everywhere, and too many of them stop a run."""

import json

import pandas as pd

from tests.workflow.test_reruns import first_image
from tests.workflow.tiny import Study


def put_roi_outside(study: Study, image_ids: list[str]) -> None:
    path = study.folder / "images.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.loc[rows.image_id.isin(image_ids), ["x0", "x1"]] = ["5000", "5100"]
    rows.to_csv(path, index=False)


def test_an_excluded_image_is_told_on_the_console_in_the_table_and_in_the_flow(
    study: Study,
) -> None:
    case_id, image_id = first_image(study, "train")
    put_roi_outside(study, [image_id])
    planned = study.planned()
    assert planned["extract_patches"] == 1
    done = study.snakemake("describe_cohort")
    said = f"image {image_id} (case {case_id}): its ROI lies outside the image (x 5000 to "
    assert "1 of 96 images were excluded" in done.stderr
    assert said in done.stderr
    qc = pd.read_csv(study.results / "images" / "qc.csv").set_index("image_id")
    assert qc.loc[image_id, "status"] == "excluded"
    flow = json.loads((study.results / "evaluation" / "flow.json").read_text())
    assert [gone["image_id"] for gone in flow["exclusions"]] == [image_id]


def test_a_study_that_loses_too_many_cases_stops_with_the_list(study: Study) -> None:
    study.configure(lambda config: config["images"].update(max_excluded=0))
    images = pd.read_csv(study.folder / "images.csv", dtype=str)
    case_id, _ = first_image(study, "train")
    put_roi_outside(study, list(images.image_id[images.case_id == case_id]))
    done = study.snakemake(check=False)
    assert done.returncode != 0
    assert "1 of 48 cases have no usable image, more than images.max_excluded (0)" in done.stderr
    assert f"case {case_id}: its ROI lies outside the image (x 5000 to " in done.stderr
    assert "Traceback" not in done.stderr
