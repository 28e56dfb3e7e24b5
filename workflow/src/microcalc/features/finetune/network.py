"""Fine-tuned network files: trained again when anything they depend on has changed."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from microcalc.config.finetune_settings import TrainingSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_value, read_json, write_csv, write_json
from microcalc.features import backbone, weights
from microcalc.features import device as devices
from microcalc.features.finetune import network_folds, patch_batches
from microcalc.features.finetune.checkpoint import Checkpoint
from microcalc.features.finetune.classifier import Classifier, load
from microcalc.features.finetune.train import RECIPE, Course, train

if TYPE_CHECKING:
    import torch

    from microcalc.features.shard_images import Images

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Files:
    """What a training leaves.

    Attributes
    ----------
    weights
        The state dict of body and head, as safetensors.
    report
        Digest, settings, cases and measures, as JSON.
    curve
        The learning curve, as CSV.
    """

    weights: str | os.PathLike[str]
    report: str | os.PathLike[str]
    curve: str | os.PathLike[str]


@dataclass(frozen=True)
class Basis:
    """All that a network's weights depend on.

    Attributes
    ----------
    circumstances
        Seed, settings, starting weights, kind of device, versions.
    cases
        By case_id: its part in the training, its class, and a digest of its patches. Cases that
        the network never sees have no part in it.
    """

    circumstances: Mapping[str, Any]
    cases: Mapping[str, Sequence[Any]]

    def key(self) -> str:
        """Return what a training is known by.

        Returns
        -------
        str
            A digest of circumstances and cases.
        """
        return digest_value([self.circumstances, self.cases])


def update(
    files: Files,
    shards: "Sequence[Images]",
    included: pd.DataFrame,
    start_path: str | os.PathLike[str],
    settings: TrainingSettings,
    *,
    member: str,
    seed: int,
    checkpoints: str | os.PathLike[str],
) -> None:
    """Train a network, unless the files are there and were made from the very same things.

    Why it is trained is logged, and said on the console, before it begins.

    Parameters
    ----------
    files
        Replaced as a whole when the network was trained.
    shards
        All shards of the study.
    included
        case_id, patient_id, split and y of the included cases; only `train` is looked at.
    start_path
        The prepared weights that the training starts from.
    settings
        What the training depends on.
    member
        `fold-k`, which never sees fold k, or `whole`.
    seed
        The study's seed.
    checkpoints
        The folder of the checkpoints, see `checkpoint`.

    Raises
    ------
    StudyError
        When a class has too few patients, the weights, the device or the patches' size do not fit,
        or as `train` does.
    """
    how = settings.finetune
    device = devices.choose(settings.device)
    cases = network_folds.deal(included, n_folds=how.folds, seed=seed)
    part = network_folds.parts(cases, member, holdout=how.holdout, seed=seed)
    sets = {
        name: patch_batches.of_cases(shards, cases[[own == name for own in part]])
        for name in (network_folds.LEARN, network_folds.STOP)
    }
    described = backbone.describe(start_path)
    basis = Basis(
        {
            "member": member,
            "seed": seed,
            "backbone": settings.backbone,
            "start": described.digest,
            "device": device.type,
            "torch": version("torch"),
            **backbone.libraries(settings.backbone),
            **settings.part("tokens"),
            "recipe": RECIPE,
            **how.plain(),
        },
        _cases(cases, part, sets),
    )
    reasons = _reasons(basis, files)
    if not reasons:
        log.info("%s: nothing it depends on has changed, kept as it is", member)
        for path in (files.weights, files.report, files.curve):
            os.utime(path)
        return
    sentence = f"{member} is trained: {'; '.join(reasons)}"
    log.info("%s", sentence)
    sys.stderr.write(f"{sentence}\n")
    checkpoint = Checkpoint(Path(checkpoints), member, basis.key())
    checkpoint.forget_others()
    with devices.hold(device) as held:
        model = load(
            settings.backbone,
            start_path,
            stages=how.stages,
            device=held,
            tokens=settings.tokens,
        )
        model.network.check_size(shards[0].patch.shape[1])
        course = train(
            model,
            *(sets[network_folds.LEARN], sets[network_folds.STOP], how),
            member=member,
            seed=seed,
            checkpoint=checkpoint,
        )
    _write(files, model, course, basis, described, sets)
    checkpoint.remove()


def _cases(
    cases: pd.DataFrame, part: Sequence[str], sets: Mapping[str, patch_batches.Pictures]
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, own in sets.items():
        rows = cases[[entry == name for entry in part]].reset_index(drop=True)
        patches: list[list[str]] = [[] for _ in range(len(rows))]
        for place, digest in zip(own.case.tolist(), own.digests(), strict=True):
            patches[place].append(digest)
        classes = zip(rows["case_id"], rows["y"].tolist(), patches, strict=True)
        found |= {str(case): [name, y, digest_value(digests)] for case, y, digests in classes}
    return dict(sorted(found.items()))


def _reasons(basis: Basis, files: Files) -> list[str]:
    """Return why the network must be trained, in words; nothing where it need not be."""
    if not all(Path(path).exists() for path in (files.weights, files.report, files.curve)):
        return ["it has not been before"]
    try:
        before = read_json(files.report)
        circumstances, cases = before["circumstances"], before["cases"]
        whole = backbone.describe(files.weights).digest == before["digest"]
    except (StudyError, KeyError, TypeError, OSError) as error:
        return [f"its files cannot be read ({error})"]
    reasons = [] if whole else ["its weights and its report do not belong together"]
    names = sorted(circumstances.keys() | basis.circumstances.keys())
    reasons += [
        f"{name} was {circumstances.get(name)} and is {basis.circumstances.get(name)}"
        for name in names
        if circumstances.get(name) != basis.circumstances.get(name)
    ]
    changes = {
        "new": sorted(basis.cases.keys() - cases.keys()),
        "gone": sorted(cases.keys() - basis.cases.keys()),
    }
    both = sorted(basis.cases.keys() & cases.keys())
    for place, what in enumerate(("another part in the training", "another label", "other images")):
        changes[what] = [case for case in both if cases[case][place] != basis.cases[case][place]]
    return reasons + [f"{what}: {_some(found)}" for what, found in changes.items() if found]


def _some(cases: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(cases[:most])
    return shown if len(cases) <= most else f"{shown} and {len(cases) - most} more cases"


def _write(
    files: Files,
    model: Classifier,
    course: Course,
    basis: Basis,
    start: backbone.Weights,
    sets: Mapping[str, patch_batches.Pictures],
) -> None:
    tensors = _tensors(model, start.backbone)
    source = f"fine-tuned ({basis.circumstances['member']}) from {start.source}"
    prepared = weights.Prepared(start.backbone, source, start.preprocessing, tensors)
    weights.write(prepared, files.weights)
    curve = course.table()
    best = curve.iloc[course.best_epoch]
    learn, stop = (
        {"cases": len(set(own.case.tolist())), "images": len(own)} for own in sets.values()
    )
    report = {
        "digest": prepared.digest(),
        "source": source,
        "start_source": start.source,
        "epochs": len(curve),
        "best_epoch": course.best_epoch,
        "best_phase": str(best["phase"]),
        "loss_stop": float(best["loss_stop"]),
        "auc_stop": float(best["auc_stop"]),
        "learn": learn,
        "stop": stop,
        "circumstances": dict(basis.circumstances),
        "cases": dict(basis.cases),
    }
    write_csv(curve, files.curve)
    write_json(report, files.report)


def _tensors(model: Classifier, name: str) -> "dict[str, torch.Tensor]":
    """Return body and head under torchvision's names, on the CPU."""
    head = backbone.head_name(name)
    body = backbone.parameters_of(model.network.body)
    weight, bias = model.plain_head()
    own = {f"{head}.weight": weight, f"{head}.bias": bias}
    return {key: tensor.detach().cpu().contiguous() for key, tensor in (body | own).items()}
