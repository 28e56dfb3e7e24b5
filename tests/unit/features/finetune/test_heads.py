"""Heads and features give what the networks said when they were trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.features.finetune.conftest import BACKBONE, Small, Tune
from tests.unit.features.finetune.scored import features, logits

from microcalc.core.errors import StudyError
from microcalc.features import statedict, weights
from microcalc.features.finetune import heads
from microcalc.features.finetune.classifier import load


def test_logits_are_those_of_the_network_and_means_over_views(
    small: Small, tune: Tune, tmp_path: Path
) -> None:
    trained = [Path(tune(small, member).weights) for member in ("fold-0", "fold-1")]
    found = logits(small, trained).set_index("case_id")
    assert [*found.columns] == ["n_views", "tuned_logit_0000", "tuned_logit_0001"]
    tensors, _ = statedict.read(trained[1])
    prepared = tmp_path / "body.safetensors"
    weights.write(weights.prepare(BACKBONE, str(trained[1]), seed=0), prepared)
    model = load(BACKBONE, prepared, stages=1, device=torch.device("cpu"))
    model.head.load_state_dict({"weight": tensors["fc.weight"], "bias": tensors["fc.bias"]})
    shard = small.shards[0]
    with torch.inference_mode():
        own = model(torch.from_numpy(shard.patch).unsqueeze(1)).numpy()
    for case_id in np.unique(shard.case_id)[:4]:
        expected = own[shard.case_id == case_id].mean()
        assert found.loc[case_id, "tuned_logit_0001"] == pytest.approx(expected, abs=1e-4)


def test_a_head_refuses_another_networks_features(
    small: Small, tune: Tune, start_path: Path, tmp_path: Path
) -> None:
    trained = [Path(tune(small, "fold-0").weights)]
    prepared = tmp_path / "body.safetensors"
    weights.write(weights.prepare(BACKBONE, str(trained[0]), seed=0), prepared)
    joined = tmp_path / "heads.safetensors"
    heads.join(trained, [prepared], joined)
    with pytest.raises(StudyError, match="head 0 was trained with another network"):
        heads.logits("tuned", joined, [start_path], [features(small, start_path)])


def test_networks_side_by_side_keep_their_order(small: Small, start_path: Path) -> None:
    one = features(small, start_path)
    both = heads.side_by_side("tuned", [one, one.assign(deep_0000=np.float32(7))])
    width = one.shape[1] - 2
    assert both.shape[1] == 2 + 2 * width
    assert (both[f"tuned_{width:04d}"] == 7).all()
    assert both["tuned_0001"].equals(one["deep_0001"])
    assert json.dumps([*both.columns][:2]) == '["case_id", "n_views"]'
