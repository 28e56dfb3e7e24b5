"""Kinds of study, as what each writes of features, scores and models: each is without fault."""

from typing import Any

from tests.unit.configs import SMALLEST

DEEP = {"kind": "network", "weights": "random", "backbone": "resnet18"}
DENSE = {"kind": "network", "weights": "random", "backbone": "densenet121"}
TUNED = {"kind": "finetuned", "network": "deep", "folds": 3}
CLINICAL = {
    "age": {"kind": "continuous", "unit": "years"},
    "birads": {"kind": "ordinal", "levels": ["4A", "4B", "4C", "5"]},
}
SUSPICION = {"suspicion": {"kind": "continuous", "candidate": False}}
MODELS = {
    "clinical": {"clinical": "screened"},
    "deep": {"scores": ["deep"]},
    "combined": {"clinical": "screened", "scores": ["deep"]},
}

KINDS: dict[str, dict[str, Any]] = {
    "frozen": {"features": {"deep": DEEP}},
    "two_scores": {
        "features": {"deep": DEEP, "densenet": DENSE},
        "scores": {"deep": {"features": ["deep"]}, "densenet": {"features": ["densenet"]}},
        "models": {
            **MODELS,
            "dense": {"scores": ["densenet"]},
            "two": {"clinical": "screened", "scores": ["deep", "densenet"]},
        },
    },
    "one_score_of_two_sets": {
        "features": {"deep": DEEP, "densenet": DENSE},
        "scores": {"deep": {"features": ["deep", "densenet"]}},
    },
    "own_selection": {
        "features": {"deep": DEEP},
        "selection": {"mrmr": {"n_features": 20, "scheme": "MID"}},
        "scores": {
            "deep": {"features": ["deep"]},
            "sparse": {
                "features": ["deep"],
                "selection": {"mrmr": {"n_features": 5}, "lasso": {"choose": "lambda_1se"}},
            },
        },
        "models": {**MODELS, "sparse": {"scores": ["sparse"]}},
    },
    "fine_tuned": {
        "features": {"deep": DEEP, "tuned": TUNED},
        "scores": {
            "deep": {"features": ["deep"]},
            "finetuned": {"features": ["tuned"], "learner": "network"},
            "finetuned_lasso": {"features": ["tuned"]},
        },
        "models": {
            **MODELS,
            "finetuned": {"scores": ["finetuned"]},
            "finetuned_lasso": {"scores": ["finetuned_lasso"]},
            "finetuned_combined": {"clinical": "screened", "scores": ["finetuned"]},
        },
    },
    "computed_elsewhere": {
        "features": {
            "deep": DEEP,
            "mri": {"kind": "table", "path": "mri.csv"},
            "ultrasound": {
                **{"kind": "table", "path": "us.csv", "per": "image", "pool_views": "max"},
                **{"id_column": "Image", "columns": ["stat_*"], "without": ["stat_min"]},
                **{"harmonize": "combat"},
            },
        },
        "scores": {
            "deep": {"features": ["deep"]},
            "mri": {"features": ["mri"]},
            "fusion": {"features": ["deep", "mri", "ultrasound"]},
        },
        "models": {**MODELS, "mri": {"scores": ["mri"]}, "fusion": {"scores": ["fusion"]}},
    },
    "features_one_by_one": {
        "features": {"deep": DEEP},
        "models": {**MODELS, "paper": {"clinical": "screened", "features_of": ["deep"]}},
    },
    "score_from_elsewhere": {
        "features": {"deep": DEEP},
        "clinical": SUSPICION,
        "models": {
            **MODELS,
            "radiologist": {"kind": "external_score", "column": "suspicion"},
        },
    },
    "clinical_alone": {
        "features": {"deep": DEEP},
        "models": {"prespecified": {"clinical": ["age", "birads"]}},
        "evaluation": {"comparisons": []},
    },
    "harmonized_and_stable": {
        "features": {
            "deep": {**DEEP, "harmonize": "combat", "stability": {"perturbations": 2}},
            "densenet": {**DENSE, "harmonize": "adabn", "stability": {"readers": ["bob"]}},
        },
        "images": {"reader": "ann"},
        "scores": {"deep": {"features": ["deep", "densenet"]}},
    },
    "other_names": {
        "features": {
            "weights": {**DEEP, "layers": ["layer3", "layer4"], "pool_views": "concat"},
            "backbone": {**TUNED, "network": "weights"},
        },
        "scores": {
            "texture": {"features": ["weights"]},
            "logits": {"features": ["backbone"], "learner": "network"},
        },
        "models": {
            "texture": {"scores": ["texture"]},
            "logits": {"scores": ["logits"]},
            "everything": {"clinical": ["age"], "scores": ["logits"]},
        },
        "evaluation": {"comparisons": [["texture", "logits"]]},
    },
}
"""The sections in which the studies differ, by the study."""


def written(kind: str) -> dict[str, Any]:
    """Return the whole config of a study of this kind, as its user writes it."""
    sections = KINDS[kind]
    clinical = {"clinical": CLINICAL | sections.get("clinical", {})}
    return {**SMALLEST, **sections, **clinical}
