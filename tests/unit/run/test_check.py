import json
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.images.making import breast, dicom

from microcalc.config.settings import complete
from microcalc.core.errors import StudyError
from microcalc.ingest import new_study
from microcalc.run import check

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new study whose images are there."""
    monkeypatch.chdir(tmp_path)
    folder = new_study.lay_out("mine", Path("studies"))
    for line in (folder / "images.csv").read_text().splitlines()[1:]:
        image = folder / "images" / line.split(",")[2]
        image.parent.mkdir(exist_ok=True)
        image.touch()
    return folder


def config_of(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text())
    return loaded


def summary_of(config: dict[str, Any]) -> str:
    completed = complete(config)
    return check.summary(completed, SCHEMAS, Path("results/mine"))


def test_a_new_study_lacks_its_images_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = new_study.lay_out("mine", Path("studies"))
    with pytest.raises(StudyError) as raised:
        check.refuse_problems(config_of(folder), SCHEMAS)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("11 images of the study have no file")
    assert len(lines) == 12


def test_a_new_study_is_a_complete_one(folder: Path) -> None:
    check.refuse_problems(config_of(folder), SCHEMAS)
    config = complete(config_of(folder))
    assert config.study == "mine"
    assert config.plain()["features"]["deep"]["weights"] == "IMAGENET1K_V2"
    refits = ("bootstrap", "split_lottery", "permutation")
    assert [getattr(config.evaluation, name) for name in refits] == [200, 50, 200]
    kinds = {variable.kind for variable in config.clinical.values()}
    assert kinds == {"continuous", "ordinal", "categorical"}


def test_what_the_study_consists_of_is_told(folder: Path) -> None:
    told = summary_of(config_of(folder)).splitlines()
    assert told[1] == "10 cases of 10 patients, 11 images"
    assert told[2:7] == [
        "  train: 3 DCIS, 4 IDC",
        "  internal: 1 DCIS, 0 IDC",
        "  external: 1 DCIS, 1 IDC",
        "  the size of 11 ROIs, drawn in a file of their own or in images without a readable "
        "spacing, is known once the patches are made",
        "  age is missing in 1 case",
    ]
    few = "fewer than 10 of a class, every interval there is wide"
    assert told[7:10] == [
        f"WARNING: training has 3 DCIS and 4 IDC: {few}",
        "WARNING: internal validation has 1 DCIS and 0 IDC: one class alone, nothing can be "
        "estimated there",
        f"WARNING: external validation has 1 DCIS and 1 IDC: {few}",
    ]
    assert "cohort.split_file" in told[10]
    assert len(told) == 11


def test_regions_that_the_patch_will_cut_are_counted(folder: Path) -> None:
    config = config_of(folder)
    for path in (folder / "images").rglob("*.dcm"):
        path.write_bytes(dicom(breast(), BitsStored=12))
    table = (folder / "images.csv").read_text().splitlines()
    columns = table[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in table[1:]]
    box = {"x0": "10", "y0": "10", "x1": "60", "y1": "60"}
    rows = [row | box for row in rows]
    rows[0]["x1"], rows[1]["y1"] = "240", "234"  # 23.0 and 22.4 mm of 0.1 mm pixels
    lines = [",".join(row[name] for name in columns) for row in rows]
    (folder / "images.csv").write_text("\n".join([table[0], *lines]) + "\n")
    assert (
        "  the ROI of 1 of 11 images is longer than the patch (images.patch_mm, 22.4 mm) and will "
        "be cut: see images.crop"
    ) in summary_of(config).splitlines()
    config["images"]["crop"] = "fit"
    assert "cut" not in summary_of(config)


def test_images_of_other_views_are_counted_by_view(folder: Path) -> None:
    config = config_of(folder)
    for path in sorted((folder / "images").rglob("*.dcm"))[:2]:
        path.write_bytes(dicom(breast(), BitsStored=12, ViewPosition="MCC"))
    table = (folder / "images.csv").read_text().splitlines()
    columns = table[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in table[1:]]
    # The first two are magnified, as their files say; two others are lateral, as the table says.
    rows[3]["view"], rows[4]["view"] = "medio-lateral", "ml"
    lines = [",".join(row[name] for name in columns) for row in rows]
    (folder / "images.csv").write_text("\n".join([table[0], *lines]) + "\n")
    assert (
        "  left out: 4 of 11 images, of a view that images.views leaves out (1 CC MAG, 2 ML, "
        "1 MLO MAG); 3 cases have no other"
    ) in summary_of(config).splitlines()
    config["images"]["views"] = "all"
    assert "left out" not in summary_of(config)


def test_any_two_classes_will_do(folder: Path) -> None:
    cases = folder / "cases.csv"
    cases.write_text(cases.read_text().replace("DCIS", "benign").replace("IDC", "malignant"))
    config = config_of(folder)
    config["labels"] = {"negative": "benign", "positive": "malignant"}
    check.refuse_problems(config, SCHEMAS)
    told = summary_of(config)
    assert "train: 3 benign, 4 malignant" in told


def test_every_problem_of_config_tables_and_files_is_listed_at_once(folder: Path) -> None:
    config = config_of(folder)
    config["selection"] = {"mrmr": {"shceme": "MIQ"}}
    config["evaluation"]["comparisons"] = [["deep", "clincal"]]
    cases, images = folder / "cases.csv", folder / "images.csv"
    text = cases.read_text().replace("61,4B", "6x1,4B").replace("IDC,57", "ICD,57")
    cases.write_text(text.replace("palpable", "palpabel"))
    images.write_text(images.read_text().replace("EXAMPLE-2,site", "EXAMPLE-99,site"))
    with pytest.raises(StudyError) as raised:
        check.refuse_problems(config, SCHEMAS)
    said = str(raised.value)
    for problem in (
        "selection.mrmr.shceme: no such key (did you mean 'scheme'?)",
        "column 'palpabel' is not known (did you mean 'palpable'?)",
        "no column 'palpable', which the config declares under `clinical`",
        "line 2, column 'age': '6x1' is not a number",
        "line 6, column 'label': 'ICD' is not one of DCIS, IDC",
        "line 4, column 'case_id': 'EXAMPLE-99' is not in",
    ):
        assert problem in said, problem


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        (
            "features",
            {"deep": {"kind": "network", "weights": "nowhere.safetensors"}},
            "features.deep.weights: there is no file nowhere.safetensors",
        ),
        (
            "features",
            {"deep": {"kind": "network", "weights": "IMAGENT1K_V2"}},
            "features.deep.weights: there is no file IMAGENT1K_V2 (did you mean 'IMAGENET1K_V2'?)",
        ),
        ("cohort", {"development_centers": ["A", "Q"]}, "'Q' is no center of the case table"),
        ("cohort", {"cases": "gone.csv"}, "gone.csv: there is no such table"),
        ("cohort", {"development_centers": []}, "training patients labelled 'DCIS': 0"),
        ("evaluation", {"subgroups": {"columns": {"race": None}}}, "'race' is no column"),
    ],
)
def test_what_would_stop_the_study_later_is_told_now(
    folder: Path, section: str, change: dict, message: str
) -> None:
    config = config_of(folder)
    config[section] |= change
    with pytest.raises(StudyError) as raised:
        check.refuse_problems(config, SCHEMAS)
    assert str(raised.value).count(message) == 1


@pytest.mark.parametrize(
    ("name", "metadata", "said"),
    [
        ("a.safetensors", {}, "features.deep.preprocessing: a.safetensors does not say what its"),
        ("a.safetensors", {"preprocessing": "{}"}, ""),
        ("weights", {"preprocessing": "{}"}, "features.deep.preprocessing: weights does not say"),
    ],
)
def test_a_weights_file_that_says_nothing_of_its_preprocessing_is_told_now(
    folder: Path, name: str, metadata: dict, said: str
) -> None:
    header = json.dumps({"__metadata__": metadata}).encode()
    Path(name).write_bytes(struct.pack("<Q", len(header)) + header)
    config = config_of(folder)
    config["features"] = {"deep": {"kind": "network", "weights": name}}
    if said:
        with pytest.raises(StudyError) as raised:
            check.refuse_problems(config, SCHEMAS)
        assert str(raised.value).startswith(said)
        Path(name).write_bytes(b"no header")
        if metadata == {}:
            with pytest.raises(StudyError, match=r"a\.safetensors: is no safetensors file"):
                check.refuse_problems(config, SCHEMAS)
    else:
        check.refuse_problems(config, SCHEMAS)


def test_weights_and_readers_of_every_set_are_looked_for(folder: Path) -> None:
    images = folder / "images.csv"
    lines = images.read_text().splitlines()
    images.write_text("\n".join([f"{lines[0]},reader", *(f"{line},ann" for line in lines[1:])]))
    config = config_of(folder)
    config["images"]["reader"] = "ann"
    row = {"kind": "network", "backbone": "resnet18", "weights": "no.safetensors"}
    config["features"]["small"] = row | {"stability": {"readers": ["ana", "bob"]}}
    config["features"]["tuned"] = {"kind": "finetuned", "network": "small"}
    config["scores"] = {
        "deep": {"features": ["deep", "small"]},
        "tuned": {"features": ["tuned"], "learner": "network"},
    }
    config["models"]["tuned"] = {"scores": ["tuned"]}
    with pytest.raises(StudyError) as raised:
        check.refuse_problems(config, SCHEMAS)
    assert str(raised.value).splitlines() == [
        "features.small.weights: there is no file no.safetensors",
        "features.small.stability.readers, entry 1: 'ana' drew no region of the images table (did "
        "you mean 'ann'?)",
        "features.small.stability.readers, entry 2: 'bob' drew no region of the images table; "
        "there are ann",
    ]


def test_a_config_of_the_old_form_is_told_with_all_else_that_is_wrong(folder: Path) -> None:
    config = config_of(folder)
    config["features"] = {"backbone": "resnet101", "weights": "IMAGENET1K_V2"}
    config["models"]["deep"] = {"clinical": "none", "deep": "score"}
    cases = folder / "cases.csv"
    cases.write_text(cases.read_text().replace("61,4B", "6x1,4B"))
    with pytest.raises(StudyError) as raised:
        check.refuse_problems(config, SCHEMAS)
    said = str(raised.value)
    assert "  - features and models: are of an earlier form" in said
    assert "          deep: {kind: network, backbone: resnet101, weights: IMAGENET1K_V2}\n" in said
    assert "line 2, column 'age': '6x1' is not a number" in said


def test_regions_of_several_readers_need_a_choice(folder: Path) -> None:
    images = folder / "images.csv"
    header, first, *rest = images.read_text().splitlines()
    lines = [f"{header},reader", f"{first},R1", f"{first},R2", *(f"{line}," for line in rest)]
    images.write_text("\n".join(lines))
    with pytest.raises(StudyError, match="2 regions, of readers R1, R2"):
        check.refuse_problems(config_of(folder), SCHEMAS)
    config = config_of(folder)
    config["images"]["reader"] = "R2"
    check.refuse_problems(config, SCHEMAS)


@pytest.mark.parametrize("name", ["", "../mine", "my study"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError, match="not a study's name"):
        new_study.lay_out(name, tmp_path)


def test_a_study_that_is_there_is_left_as_it_is(folder: Path) -> None:
    with pytest.raises(StudyError, match="is there already and is left as it is"):
        new_study.lay_out("mine", folder.parent)
