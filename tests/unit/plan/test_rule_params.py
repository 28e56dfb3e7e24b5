"""What rules are given of the config, and what they are not."""

from tests.unit.configs import study_config

from microcalc.config.finetune_settings import TrainingSettings
from microcalc.plan import rule_params
from microcalc.plan.paths import Paths

STUDY = study_config(
    images={"spacing_mm": 0.1, "patch_mm": 25.6, "thumbnail_px": 96, "cache": False},
    features={
        "deep": {"backbone": "resnet50", "device": "cpu", "batch_size": 8, "pool_views": "max"},
        "tuned": {"kind": "finetuned", "network": "deep"},
    },
    scores={
        "deep": {"features": ["deep"]},
        "finetuned": {"features": ["tuned"], "learner": "network"},
    },
    clinical={"age": {"kind": "continuous", "unit": "years", "label": "Age at diagnosis"}},
    models={"deep": {"scores": ["deep"]}, "tuned": {"scores": ["finetuned"]}},
)


def test_how_a_variable_is_worded_reruns_no_fit() -> None:
    assert rule_params.clinical(STUDY) == {
        "age": {"kind": "continuous", "candidate": True, "unit": "years"}
    }
    assert STUDY.clinical["age"].label is not None


def test_a_remark_on_the_labels_reruns_nothing_but_the_report() -> None:
    labels = {"negative": "a", "positive": "b", "excluded": ["c"], "surrogate": "for want"}
    config = study_config(labels=labels)
    assert rule_params.classes(config) == {"negative": "a", "positive": "b"}
    assert rule_params.classes(config, "excluded") == {
        **{"negative": "a", "positive": "b", "excluded": ["c"]}
    }


def test_a_refit_is_given_no_model_of_a_fine_tuned_network() -> None:
    assert list(rule_params.refittable_models(STUDY)) == ["deep"]


def test_a_study_of_real_patients_has_no_phantoms() -> None:
    simulated = study_config(simulate={"phantoms": "phantoms.csv"})
    assert rule_params.phantoms(simulated) == "phantoms.csv"
    assert rule_params.phantoms(STUDY) is None


def test_features_depend_on_neither_shards_nor_pooling() -> None:
    assert STUDY.features["deep"].measured_by == {
        **{"backbone": "resnet50", "layers": ["penultimate"], "device": "cpu", "batch_size": 8},
        "precision": "float32",
    }


def test_what_is_frozen_with_a_model_depends_on_neither_device_nor_batch() -> None:
    found = rule_params.preprocessing(STUDY, ["deep", "tuned/logits"], Paths(STUDY).sets)
    assert found["deep"]["features"] == {
        **{"layers": ["penultimate"], "precision": "float32", "pool_views": "max"},
        **{"harmonize": "none", "region": "lesion"},
    }
    assert found["deep"]["images"]["patch_mm"] == 25.6
    assert not {"cache", "shards"} & found["deep"]["images"].keys()
    assert (found["deep"]["kind"], found["tuned/logits"]["kind"]) == ("network", "finetuned")
    # A head takes the mean over the views of what goes into it.
    assert found["tuned/logits"]["features"]["pool_views"] == "mean"


def test_a_training_depends_on_where_it_starts_and_how_it_goes() -> None:
    found = rule_params.training(STUDY, "tuned")
    assert (found["backbone"], found["device"]) == ("resnet50", "cpu")
    assert not {"kind", "network"} & found["finetune"].keys()
    assert TrainingSettings.of(found).finetune.folds == 5


def test_a_score_is_made_of_tables() -> None:
    assert rule_params.scores(STUDY, STUDY.scores) == {
        "deep": {"tables": ["deep"], "learner": "lasso"},
        "finetuned": {"tables": ["tuned/logits"], "learner": "network"},
    }
