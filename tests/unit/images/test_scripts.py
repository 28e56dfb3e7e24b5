import pandas as pd
from tests.scripts import run_script
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.images import included, shards
from microcalc.plan.shard_rows import files_digest, of_shard, shard_of


def test_from_tables_and_files_to_included_cases(tmp_path):
    for seed, name in enumerate(("a1", "a2", "b1")):
        data = dicom(breast(seed=seed), BitsStored=12, SOPInstanceUID=f"1.2.{seed}")
        (tmp_path / f"{name}.dcm").write_bytes(data)
    rows = [row("a1", "a"), row("a2", "a"), row("b1", "b")]
    cases = pd.DataFrame({"case_id": ["a", "b"], "patient_id": ["p-a", "p-b"], "y": [0, 1]})
    cases["split"] = "train"
    cases.to_csv(tmp_path / "cases.csv", index=False)
    pd.DataFrame(rows).drop(columns="patient_id").to_csv(tmp_path / "images.csv", index=False)
    paths = [str(tmp_path / f"shard-{k}.npz") for k in range(2)]
    for shard, path in enumerate(paths):
        params = {
            "cases": str(tmp_path / "cases.csv"),
            "images": str(tmp_path / "images.csv"),
            "image_folder": str(tmp_path),
            "shards": 2,
            "digest": f"d{shard}",
            "files": files_digest(
                of_shard(str(tmp_path / "cases.csv"), str(tmp_path / "images.csv"), shard, 2),
                str(tmp_path),
            ),
            "settings": SETTINGS,
            "surround": 1.0,
            "region_margin_mm": None,
        }
        run_script(
            "extract_patches",
            log=tmp_path / "extract_patches.log",
            output={"shard": path},
            params=params,
            wildcards={"shard": str(shard)},
        )
    places = {case: shard_of(f"p-{case}", 2) for case in "ab"}
    assert set(shards.read(paths[places["a"]]).case_id) >= {"a"}
    run_script(
        "gather_images",
        log=tmp_path / "gather_images.log",
        input={"shards": paths, "eligible": str(tmp_path / "cases.csv")},
        params={"settings": SETTINGS},
        output={"qc": tmp_path / "qc.csv", "included": tmp_path / "included.csv"},
    )
    assert pd.read_csv(tmp_path / "qc.csv")["status"].tolist() == ["ok"] * 3
    assert included.read(tmp_path / "included.csv")["case_id"].tolist() == ["a", "b"]
    for log in ("extract_patches.log", "gather_images.log"):
        assert ".dcm" not in (tmp_path / log).read_text()
