"""Features that other software computed, of the cases and of the images of a tiny study."""

from typing import Any

import numpy as np
import pandas as pd

from tests.workflow.test_leakage import read
from tests.workflow.tiny import Study

ELSEWHERE = {"mri.csv": ("case_id", "cases"), "us.csv": ("Image", "images")}
"""Tables of features, whose column of ids is called so, of the rows of a table of the study."""


def elsewhere(config: dict[str, Any]) -> None:
    """Let the study have columns of cases and of images that were computed elsewhere."""
    config["features"] |= {
        "mri": {"kind": "table", "path": "mri.csv"},
        "us": {
            **{"kind": "table", "path": "us.csv", "per": "image", "id_column": "Image"},
            **{"columns": ["stat_*"], "without": ["stat_min"], "pool_views": "max"},
        },
    }
    config["scores"] |= {
        "mri": {"features": ["mri"]},
        "fusion": {"features": ["deep", "mri", "us"]},
    }
    config["models"] |= {
        "mri": {"scores": ["mri"]},
        "fusion": {"clinical": "screened", "scores": ["fusion"]},
    }


def write_elsewhere(study: Study) -> None:
    """Write tables of features as other software does, of which some tell the label."""
    cases = read(study, "cases")
    ids = {"cases": cases, "images": read(study, "images").drop_duplicates("image_id")}
    told = cases.set_index("case_id").label.eq("IDC").astype(float)
    for seed, (name, (column, table)) in enumerate(ELSEWHERE.items()):
        rng, rows = np.random.default_rng(seed), ids[table]
        n = len(rows)
        pd.DataFrame(
            {
                column: rows[f"{table.removesuffix('s')}_id"].to_numpy(),
                "diagnostics_Versions_PyRadiomics": "v3.1.0",
                "stat_mean": told[rows.case_id].to_numpy() + rng.normal(size=n),
                "stat_T2* <b>|x_y_": told[rows.case_id].to_numpy() + rng.normal(size=n),
                "stat_min": 0.25,
            }
        ).to_csv(study.folder / name, index=False)
