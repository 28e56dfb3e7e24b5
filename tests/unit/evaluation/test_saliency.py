import numpy as np
import pandas as pd
import pytest
import torch

from microcalc import features
from microcalc.core.errors import StudyError
from microcalc.evaluation import saliency
from microcalc.features import backbone, generated, weights
from microcalc.images import shard_file

MODEL = {
    "name": "deep",
    "threshold": 0.5,
    "intercept": 0.25,
    "terms": [{"variable": "deep_score", "kind": "score", "coefficient": 2.0}],
    "scores": [
        {
            "name": "deep",
            "tables": ["deep"],
            "intercept": -0.5,
            "features": [
                {"name": "deep_0003", "mean": 0.4, "sd": 0.2, "coefficient": 0.7},
                {"name": "deep_0100", "mean": 1.5, "sd": 3.0, "coefficient": -1.1},
            ],
        }
    ],
}


def _predictions(rows):
    table = pd.DataFrame(rows, columns=["split", "case_id", "y", "probability"])
    return table.assign(
        model="deep", kind=np.where(table["split"] == "train", "apparent", "held_out")
    )


def test_the_surest_case_of_each_kind_and_set_is_chosen():
    rows = [
        ("internal", "a", 1, 0.6), ("internal", "b", 1, 0.9), ("internal", "c", 0, 0.5),
        ("internal", "d", 1, 0.4), ("internal", "e", 1, 0.1), ("external", "f", 0, 0.3),
        ("external", "h", 0, 0.2), ("external", "g", 0, 0.2), ("train", "t", 1, 0.99),
    ]  # fmt: skip
    other = _predictions([("internal", "b", 1, 0.999)]).assign(model="combined")
    got = saliency.choose(pd.concat([_predictions(rows), other]), MODEL)
    assert got[["split", "kind", "case_id"]].to_numpy().tolist() == [
        ["internal", "true positive", "b"],
        ["internal", "false positive", "c"],
        ["internal", "false negative", "e"],
        ["external", "true negative", "g"],
    ]


def test_a_model_with_other_predictors_has_no_map():
    clinical = {"variable": "age", "kind": "continuous", "coefficient": 1.0}
    with pytest.raises(StudyError, match="deep is not the score of one set of features alone"):
        saliency.linear(MODEL | {"terms": [*MODEL["terms"], clinical]})
    with pytest.raises(StudyError, match="not the score of one set of features alone"):
        saliency.linear(MODEL | {"terms": [clinical], "scores": []})
    both = {**MODEL["scores"][0], "tables": ["deep", "around"]}
    with pytest.raises(StudyError, match="not the score of one set of features alone"):
        saliency.linear(MODEL | {"scores": [both]})


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Prepared weights of a resnet18 and two shards; case b has two views, case a one."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("saliency")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "PATCH_PX", 64)
        patch.setattr(generated, "N_PATCHES", 4)
        prepared = weights.prepare("resnet18", "random", seed=2)
    weights.write(prepared, folder / "w.safetensors")
    patches = generated.patches(3, n=4, size=64)
    for number, cases in enumerate((("b", "c", "b"), ("a",))):
        rows = [
            shard_file.Row(
                dict.fromkeys(shard_file.TEXTS, "")
                | {
                    "image_id": f"{case}{i}",
                    "case_id": case,
                    "view": "MLO" if i == 0 else "CC",
                    "status": "ok",
                },
                patches[3 * number + i],
                np.zeros((1, 1), np.uint8),
                np.full((64, 64), 3 * number + i, np.uint8),
            )
            for i, case in enumerate(cases)
        ]
        shard_file.write(
            folder / f"{number}.npz", rows, count=len(rows), patch_px=64, thumbnail_px=1,
            digest="", recipe=1,
        )  # fmt: skip
    return folder, patches


def test_maps_and_constant_add_up_to_the_models_log_odds(study):
    folder, patches = study
    chosen = _predictions([("external", "b", 1, 0.7), ("external", "a", 0, 0.2)])
    arrays = saliency.compute(
        chosen.assign(kind="true positive"),
        MODEL,
        [folder / "0.npz", folder / "1.npz"],
        folder / "w.safetensors",
        **{"device": "cpu", "kept": None, "cache": False},
    )
    assert arrays["case_id"].tolist() == ["b", "b", "a"]
    assert arrays["view"].tolist() == ["CC", "MLO", "MLO"]
    # What a person sees is the patch without what may be burned in beside the breast.
    assert [set(picture.flat) for picture in arrays["picture"]] == [{2}, {0}, {3}]
    network = backbone.load("resnet18", folder / "w.safetensors")
    for case_id, views in (("b", [0, 2]), ("a", [3])):
        pooled = features.extract(network, patches[views]).astype(float).mean(axis=0)
        score = -0.5 + 0.7 * (pooled[3] - 0.4) / 0.2 - 1.1 * (pooled[100] - 1.5) / 3.0
        mine = arrays["case_id"] == case_id
        total = arrays["map"][mine].sum() + arrays["constant"][mine][0]
        np.testing.assert_allclose(total, 0.25 + 2 * score, rtol=1e-5)
        np.testing.assert_allclose(arrays["logit"][mine], 0.25 + 2 * score, rtol=1e-5)


def test_written_twice_is_the_same_bytes(study, tmp_path):
    arrays = {"map": np.ones((1, 2, 2), np.float32), "kind": np.array(["true positive"])}
    for name in ("x.npz", "y.npz"):
        saliency.write(arrays, tmp_path / name)
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()
