"""What rules are given of the config, and what they are not."""

from microcalc.plan import rule_params

IMAGES = {"spacing_mm": 0.1, "patch_mm": 25.6, "thumbnail_px": 96, "cache": False, "shards": 4}
NETWORK = {
    **{"backbone": "resnet50", "layers": ["penultimate"], "device": "cpu", "batch_size": 8},
    **{"precision": "float32", "pool_views": "max", "harmonize": "none", "weights": "random"},
}


def test_a_part_has_the_keys_that_are_named() -> None:
    assert rule_params.part({"a": 1, "b": None, "c": 3}, "c", "b") == {"c": 3, "b": None}


def test_how_a_variable_is_worded_reruns_no_fit() -> None:
    age = {"kind": "continuous", "unit": "years", "label": "Age at diagnosis"}
    assert rule_params.clinical({"clinical": {"age": age}}) == {
        "age": {"kind": "continuous", "unit": "years"}
    }
    assert "label" in age


def test_a_study_of_real_patients_has_no_phantoms() -> None:
    assert rule_params.phantoms({"simulate": {"phantoms": "phantoms.csv"}}) == "phantoms.csv"
    assert rule_params.phantoms({}) is None


def test_features_depend_on_neither_shards_nor_pooling() -> None:
    assert rule_params.extraction(NETWORK, IMAGES) == {
        **{"backbone": "resnet50", "layers": ["penultimate"], "device": "cpu", "batch_size": 8},
        **{"precision": "float32", "cache": False},
    }


def test_what_is_frozen_with_a_model_depends_on_neither_device_nor_batch() -> None:
    found = rule_params.preprocessing({"": NETWORK}, IMAGES)["main"]
    assert found["extraction"] == {
        **{"layers": ["penultimate"], "precision": "float32", "pool_views": "max"},
        "harmonize": "none",
    }
    assert found["images"]["patch_mm"] == 25.6
    assert not {"cache", "shards"} & found["images"].keys()
