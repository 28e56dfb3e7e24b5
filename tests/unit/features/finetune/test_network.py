"""Training one network: what it sees, what it ignores, what it survives."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from tests.unit.features.finetune.conftest import BACKBONE, SETTINGS, Small, Tune

from microcalc.config.network_settings import PreprocessingSettings
from microcalc.core.errors import StudyError
from microcalc.features import backbone as backbones
from microcalc.features import statedict, weights
from microcalc.features.finetune import network_folds, train


def digest(files) -> str:
    return json.loads(Path(files.report).read_text())["digest"]


def case_of(small: Small, part: str, y: int, member: str = "fold-0") -> str:
    """Return a training case that the network learns from, stops by or never sees."""
    cases = network_folds.deal(small.included, n_folds=3, seed=3)
    own = network_folds.parts(cases, member, holdout=SETTINGS["holdout"], seed=3)
    return cases[(pd.Series(own) == part) & (cases.y == y)].case_id.iloc[0]


def test_the_same_cases_give_the_same_bytes(small: Small, tune: Tune) -> None:
    first, again = tune(small), tune(small, into="b")
    for one, other in ((first.weights, again.weights), (first.report, again.report)):
        assert Path(one).read_bytes() == Path(other).read_bytes()
    assert Path(first.curve).read_bytes() == Path(again.curve).read_bytes()
    assert not list(Path(first.weights).parent.rglob("*.pt"))
    assert digest(tune(small, "fold-1", into="c")) != digest(first)


@pytest.mark.parametrize(("backbone", "tokens"), [("test_vit", "cls"), ("test_convnext", None)])
def test_networks_of_timm_are_trained_and_prepared_again(
    backbone: str, tokens: str | None, small: Small, tune: Tune, tmp_path: Path
) -> None:
    size = {"size": small.shards[0].patch.shape[1]} if tokens else {}
    name = f"timm/{backbone}"
    start = weights.prepare(
        name, "random", seed=1, preprocessing=PreprocessingSettings(**size), tokens=tokens
    )
    weights.write(start, tmp_path / "start.safetensors")
    how = {"tokens": tokens} if tokens else {}
    files = tune(small, backbone=name, start=tmp_path / "start.safetensors", of_network=how)
    found = weights.prepare(name, str(files.weights), seed=0, tokens=tokens)
    changed = {
        key for key, tensor in found.tensors.items() if not torch.equal(tensor, start.tensors[key])
    }
    last = {"test_vit": ("blocks.5.", "norm."), "test_convnext": ("stages.3.", "norm_pre", "head.")}
    assert changed
    assert all(key.startswith(last[backbone]) for key in changed)
    assert json.loads(Path(files.report).read_text())["circumstances"]["timm"]


def test_what_a_network_never_sees_does_not_change_it(small: Small, tune: Tune) -> None:
    """Pixels and class of its own fold's cases and of validation cases, one after the other."""
    before = digest(tune(small))
    unseen = case_of(small, network_folds.UNSEEN, 1)
    for changed in (small.darkened(unseen), small.darkened("c27"), small.labelled("c27", 0)):
        assert digest(tune(changed, into="b")) == before
    learned, stopped = (
        case_of(small, part, 1) for part in (network_folds.LEARN, network_folds.STOP)
    )
    assert digest(tune(small.darkened(learned), into="c")) != before
    report = json.loads((tune(small.darkened(stopped), into="d").report).read_text())
    assert report["cases"][stopped][0] == network_folds.STOP
    assert unseen not in report["cases"]
    assert "c27" not in report["cases"]


def test_the_class_of_a_case_in_the_scored_fold_never_enters(
    small: Small, tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folds are stratified by class: they are held still, so that the class alone changes."""
    dealt = network_folds.deal(small.included, n_folds=3, seed=3)
    parted = network_folds.parts(dealt, "fold-0", holdout=0.25, seed=3)
    monkeypatch.setattr(network_folds, "parts", lambda *_args, **_how: parted)
    labels = {}

    def deal(included: pd.DataFrame, **_how: int) -> pd.DataFrame:
        return dealt.assign(y=dealt["case_id"].map(included.set_index("case_id")["y"]))

    monkeypatch.setattr(network_folds, "deal", deal)
    for part in (network_folds.UNSEEN, network_folds.LEARN):
        case_id = dealt.case_id[[name == part for name in parted]].iloc[0]
        y = int(dealt.set_index("case_id").y[case_id])
        labels[part] = digest(tune(small.labelled(case_id, 1 - y), into=part))
    before = digest(tune(small))
    assert labels[network_folds.UNSEEN] == before
    assert labels[network_folds.LEARN] != before


def test_it_trains_again_for_a_reason_and_says_it_before(
    small: Small, tune: Tune, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tune(small)
    assert "fold-0 is trained: it has not been before" in capsys.readouterr().err
    written = Path(files.weights).read_bytes()

    def refuse(*_args, **_how):
        raise RuntimeError("trained")

    monkeypatch.setattr("microcalc.features.finetune.network.train", refuse)
    tune(small)
    tune(small.darkened(case_of(small, network_folds.UNSEEN, 0)))
    assert capsys.readouterr().err == ""
    assert Path(files.weights).read_bytes() == written
    learned = case_of(small, network_folds.LEARN, 0)
    with pytest.raises(RuntimeError, match="trained"):
        tune(small.darkened(learned))
    assert f"fold-0 is trained: other images: {learned}" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="trained"):
        tune(small, epochs=2)
    assert "fold-0 is trained: epochs was 1 and is 2" in capsys.readouterr().err


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from microcalc.features.finetune import train
from pathlib import Path
from tests.unit.features.finetune.conftest import SETTINGS, small_study
from microcalc.config.finetune_settings import TrainingSettings
from microcalc.features.finetune import network

folder, weights, kill_in = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
steps = train._Optimization.step
done = 0
def step(*given):
    global done
    done += 1
    if done == kill_in:
        os.kill(os.getpid(), signal.SIGKILL)
    return steps(*given)
train._Optimization.step = step
files = network.Files(*(folder / f"fold-0.{suffix}" for suffix in ("safetensors", "json", "csv")))
study = small_study(5)
network.update(files, study.shards, study.included, weights,
    TrainingSettings.of(
        {"backbone": sys.argv[4], "device": "cpu", "finetune": SETTINGS | {"epochs": 2}}),
    member="fold-0", seed=3, checkpoints=folder / "checkpoints")
"""


@pytest.mark.parametrize("backbone", [BACKBONE, pytest.param("resnet18", marks=pytest.mark.slow)])
def test_a_job_killed_in_mid_epoch_ends_with_the_same_weights(
    small: Small,
    tune: Tune,
    tmp_path: Path,
    backbone: str,
    start_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Epochs have 3 steps each: the eighth is in the second epoch of the second phase."""
    folder = tmp_path / "a"
    folder.mkdir()
    start = start_path if backbone == BACKBONE else request.getfixturevalue("weights_path")
    command = [sys.executable, "-c", KILLED, str(folder), str(start), "8", backbone]
    done = subprocess.run(command, env=os.environ, cwd=Path(__file__).parents[4], check=False)
    assert done.returncode == -signal.SIGKILL
    (checkpoint,) = folder.rglob("*.pt")
    state = torch.load(checkpoint, weights_only=True)
    assert len(state["curve"]) == 2
    how = {"epochs": 2, "backbone": backbone, "start": start}
    resumed, straight = tune(small, **how), tune(small, into="b", **how)
    assert not checkpoint.exists()
    for one, other in ((resumed.weights, straight.weights), (resumed.report, straight.report)):
        assert Path(one).read_bytes() == Path(other).read_bytes()
    assert Path(resumed.curve).read_bytes() == Path(straight.curve).read_bytes()


def test_a_checkpoint_executes_nothing_and_a_foreign_one_is_not_taken_up(
    small: Small, tune: Tune, tmp_path: Path
) -> None:
    before = digest(tune(small, into="b"))
    folder = tmp_path / "a" / "checkpoints"
    folder.mkdir(parents=True)
    key = json.loads((tmp_path / "b" / "fold-0.json").read_text())
    from microcalc.features.finetune.network import Basis

    own = folder / f"fold-0-{Basis(key['circumstances'], key['cases']).key()[:16]}.pt"
    marker = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(marker),))

    torch.save({"learned": Bomb()}, own)
    foreign = folder / "fold-0-0123456789abcdef.pt"
    foreign.write_bytes(b"of another training")
    assert digest(tune(small)) == before
    assert not marker.exists()
    assert not foreign.exists()


def test_weights_are_used_like_any_other_path(small: Small, tune: Tune, start) -> None:
    files = tune(small, epochs=3)
    found = weights.prepare(BACKBONE, str(files.weights), seed=0)
    report = json.loads(Path(files.report).read_text())
    assert found.preprocessing == start.preprocessing
    learned = [n for n, t in found.tensors.items() if not torch.equal(t, start.tensors[n])]
    assert learned
    assert all(name.startswith("conv5.") for name in learned)
    assert not any("running" in name for name in learned)
    assert report["source"].startswith("fine-tuned (fold-0) from random")
    tensors, _ = statedict.read(files.weights)
    assert tensors["fc.weight"].shape == (1, 1024)


def test_a_network_learns_what_is_there_to_learn(small: Small, tune: Tune) -> None:
    curve = pd.read_csv(tune(small, epochs=3).curve)
    assert curve.phase.tolist() == [train.HEAD] + [train.STAGES] * 3
    assert curve.loss_stop.min() < curve.loss_stop.iloc[0] - 0.05
    assert curve.auc_stop.max() > 0.8
    assert curve.is_best.sum() == 1
    assert curve.loss_stop[curve.is_best].item() == curve.loss_stop.min()


def test_it_stops_when_it_gets_no_better(small: Small, tune: Tune) -> None:
    curve = pd.read_csv(tune(small, epochs=6, patience=1, learning_rate=0.3).curve)
    assert len(curve) < 7
    best = curve.index[curve.is_best].item()
    assert len(curve) - 1 - max(best, 0) == 1


def test_parts_of_a_batch_add_up_to_the_whole(
    small: Small, tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is short a batch is cut in parts: the weights are the same up to rounding."""
    whole = statedict.read(tune(small).weights)[0]
    plain, refused = train.Classifier.forward, []

    def forward(self, patches):
        if torch.is_grad_enabled() and len(patches) > 3:
            refused.append(len(patches))
            raise torch.OutOfMemoryError("out of memory")
        return plain(self, patches)

    monkeypatch.setattr(train.Classifier, "forward", forward)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    parts = statedict.read(tune(small, into="b").weights)[0]
    assert refused
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=1e-3, atol=3e-4)


def test_more_stages_than_there_are(small: Small, tune: Tune) -> None:
    with pytest.raises(StudyError, match=r"has the 5 stages conv1, stage2, .*conv5"):
        tune(small, stages=9)


def test_an_operation_without_a_deterministic_form_is_told() -> None:
    with pytest.raises(StudyError, match="choose another backbone"), train.deterministic():
        raise RuntimeError("x does not have a deterministic implementation")


@pytest.mark.parametrize("name", ["densenet121", "vgg11_bn", "efficientnet_b0", "vit_b_32"])
def test_the_last_stage_of_every_kind_of_backbone_has_weights(name: str) -> None:
    from microcalc.features.finetune import classifier

    body, _ = backbones.build(name)
    last = classifier._last_stages(body, 1)
    assert any(parameter.ndim > 1 for parameter in last)
    assert len(last) < len(list(body.parameters()))
