"""From trained networks to scores, the way the study's rules go."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tests.unit.features.finetune.conftest import BACKBONE, Small

from microcalc.features import backbone, columns, extract, pool, weights
from microcalc.features.finetune import heads


def logits(study: Small, trained: list[Path]) -> pd.DataFrame:
    """Return the logit of each case by each trained network."""
    folder = Path(tempfile.mkdtemp(dir=trained[0].parent))
    prepared, tables = [], []
    for k, path in enumerate(trained):
        prepared.append(folder / f"{k}.safetensors")
        weights.write(weights.prepare(BACKBONE, str(path), seed=0), prepared[-1])
        tables.append(features(study, prepared[-1]))
    heads.join(trained, prepared, folder / "heads.safetensors")
    return heads.logits("tuned", folder / "heads.safetensors", prepared, tables)


def features(study: Small, weights_path: Path) -> pd.DataFrame:
    """Return case_id, n_views and the mean features over each case's views."""
    network = backbone.load(BACKBONE, weights_path)
    found = np.concatenate([extract(network, shard.patch) for shard in study.shards])
    case_id = np.concatenate([shard.case_id for shard in study.shards])
    cases, place = np.unique(case_id, return_inverse=True)
    views = np.bincount(place)
    pooled = pool._mean(found.astype(float), place, len(cases)).astype(np.float32)
    values = pd.DataFrame(pooled, columns=columns.of_set("deep", columns.numbered(pooled.shape[1])))
    return pd.concat([pd.DataFrame({"case_id": cases, "n_views": views}), values], axis=1)
