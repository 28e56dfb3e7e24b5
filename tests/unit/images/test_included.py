import logging

import pandas as pd
import pytest
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.config.image_settings import ImageSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import write_csv
from microcalc.images import included, shards
from microcalc.images.shard_file import QC_COLUMNS


@pytest.fixture
def shard_paths(tmp_path):
    """Two shards: case x keeps one image of two, y both, z none."""
    for seed, name in enumerate(("x1", "y1", "y2")):
        (tmp_path / f"{name}.dcm").write_bytes(
            dicom(breast(seed=seed), BitsStored=12, SOPInstanceUID=f"1.2.{seed}")
        )
    for name in ("x2", "z1", "z2"):
        (tmp_path / f"{name}.dcm").write_bytes(b"no mammogram")
    paths = []
    for number, names in enumerate([("y1", "y2", "z1", "z2"), ("x1", "x2")]):
        paths.append(tmp_path / f"shard-{number}.npz")
        rows = [row(name, name[0]) for name in names]
        shards.update(
            paths[-1], rows, settings=ImageSettings.of(SETTINGS), image_folder=tmp_path, digest=""
        )
    return paths


@pytest.fixture
def eligible():
    return pd.DataFrame(
        {
            "case_id": ["z", "y", "x"],
            "patient_id": ["01", "02", "03"],
            "split": ["train", "train", "external"],
            "y": ["0", "1", "1"],
            "birads": ["5", "4A", ""],
        }
    )


def test_qc_has_a_row_per_image_and_included_one_per_case(shard_paths, eligible):
    qc, cases = included.gather(shard_paths, eligible, max_excluded=0.5)
    assert qc["image_id"].tolist() == ["x1", "x2", "y1", "y2", "z1", "z2"]
    assert qc.columns.tolist() == [
        "image_id", "case_id", "view", "status", "reason", "detail", *QC_COLUMNS,
    ]  # fmt: skip
    assert qc["rows"].fillna(0).tolist() == [400, 0, 400, 400, 0, 0]
    assert "400.0" not in qc.to_csv()
    assert "same" not in qc.to_csv()
    assert cases["case_id"].tolist() == ["x", "y", "z"]
    assert cases["n_images"].tolist() == [1, 2, 0]
    assert cases["status"].tolist() == ["included", "included", "excluded"]
    assert cases["reason"].tolist()[:2] == ["", ""]
    assert cases["detail"].tolist()[:2] == ["", ""]
    assert cases["detail"][2].startswith("DICOM, PNG, TIFF, ")
    assert cases["reason"][2] == "its file is of no format that is read"


def test_read_returns_the_included_with_their_own_columns(shard_paths, eligible, tmp_path):
    _, cases = included.gather(shard_paths, eligible, max_excluded=0.5)
    write_csv(cases, tmp_path / "included.csv")
    table = included.read(tmp_path / "included.csv")
    assert table.columns.tolist() == eligible.columns.tolist()
    assert table["patient_id"].tolist() == ["03", "02"]
    assert table["y"].tolist() == [1, 1]
    assert table["birads"].isna().tolist() == [True, False]


def test_losing_too_many_stops_the_study_with_the_list(shard_paths, eligible):
    with pytest.raises(
        StudyError, match=r"1 of 3 cases .*0\.3.*\n.*case z: its file is of no format that is read"
    ):
        included.gather(shard_paths, eligible, max_excluded=0.3)


def test_a_case_without_any_image_leaves_too(shard_paths, eligible):
    extra = pd.concat([eligible, eligible.assign(case_id="w").head(1)], ignore_index=True)
    _, cases = included.gather(shard_paths, extra, max_excluded=0.5)
    assert cases.set_index("case_id").loc["w", "reason"] == "no image reached the images room"


def test_what_left_is_in_the_log(shard_paths, eligible, caplog):
    caplog.set_level(logging.INFO, logger="microcalc")
    included.gather(shard_paths, eligible, max_excluded=0.5)
    assert "3 of 6 images and 1 of 3 cases excluded" in caplog.text
    assert "image x2 (case x) excluded: its file is of no format that is read" in caplog.text
    assert "excluded case z" in caplog.text


def test_the_order_of_shards_and_rows_does_not_matter(shard_paths, eligible):
    one = included.gather(shard_paths, eligible, max_excluded=0.5)
    other = included.gather(shard_paths[::-1], eligible[::-1], max_excluded=0.5)
    for a, b in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(a, b)


def doubled(tmp_path, first, second, **attributes):
    """A shard in which the images of two cases have the same pixels."""
    for name, uid in [("a1", "1.2.3"), ("b1", "1.2.4")]:
        (tmp_path / f"{name}.dcm").write_bytes(
            dicom(breast(), BitsStored=12, **({"SOPInstanceUID": uid} | attributes))
        )
    path = tmp_path / "shard.npz"
    rows = [row("a1", "a"), row("b1", "b")]
    shards.update(path, rows, settings=ImageSettings.of(SETTINGS), image_folder=tmp_path, digest="")
    cases = pd.DataFrame([first, second], columns=["case_id", "patient_id", "split"])
    return [path], cases.assign(y=0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a", "p", "train"), ("b", "q", "train")),
        (("a", "p", "train"), ("b", "p", "external")),
    ],
)
def test_the_same_pixels_under_two_patients_or_splits_stop_the_study(tmp_path, first, second):
    paths, cases = doubled(tmp_path, first, second)
    with pytest.raises(StudyError, match=r"image a1 \(case a, train\), image b1 .* same pixels$"):
        included.gather(paths, cases, max_excluded=0.5)


def test_the_same_uid_is_told_apart_from_the_same_pixels(tmp_path):
    paths, cases = doubled(tmp_path, ("a", "p", "train"), ("b", "q", "train"), SOPInstanceUID="1.9")
    with pytest.raises(StudyError, match=r"(?s)same SOPInstanceUID\n.*same pixels"):
        included.gather(paths, cases, max_excluded=0.5)


def test_doubles_within_a_patient_are_a_warning(tmp_path, caplog):
    paths, cases = doubled(tmp_path, ("a", "p", "train"), ("b", "p", "train"))
    qc, _ = included.gather(paths, cases, max_excluded=0.5)
    assert qc["flags"].tolist() == ["same_pixels", "same_pixels"]
    assert "image a1 (case a, train), image b1 (case b, train) have the same pixels" in caplog.text
