"""Training of one network: its head, then its last stages too, with early stopping.

On one machine and device the same cases, settings and seed give the same weights, bit for bit:
torch's deterministic algorithms (``torch.use_deterministic_algorithms``, a fixed cuBLAS work space,
no cuDNN benchmark, no TF32 in float32), one thread on a processor, and streams of random numbers
that every epoch derives anew from seed, network and its own number.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from microcalc.config.finetune_settings import FinetuneSettings
from microcalc.core import seeds
from microcalc.core.errors import StudyError
from microcalc.features.device import one_thread
from microcalc.features.finetune import augment
from microcalc.features.finetune.checkpoint import Checkpoint
from microcalc.features.finetune.classifier import Classifier
from microcalc.features.finetune.patch_batches import Pictures
from microcalc.statistics.auc import auc

log = logging.getLogger(__name__)

RECIPE = 1
"""Raise this when the same cases, settings and seed give other weights than before."""

HEAD, STAGES = "head", "stages"
COLUMNS = (*("epoch", "phase", "learning_rate", "loss_learn", "loss_stop", "auc_stop", "is_best"),)


@dataclass
class Course:
    """How a training went so far; what a checkpoint holds beside weights and optimizer.

    Attributes
    ----------
    curve
        One row per epoch, see `COLUMNS`.
    best_epoch
        The epoch of the smallest loss on the cases to stop by; -1 before the first.
    best
        What had learned by then, by name.
    """

    curve: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = -1
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Return the learning curve.

        Returns
        -------
        pandas.DataFrame
            One row per epoch with `COLUMNS`; exactly the best one has `is_best`.
        """
        table = pd.DataFrame(self.curve)
        return table.assign(is_best=table["epoch"] == self.best_epoch)[list(COLUMNS)]


def train(
    model: Classifier,
    learn: Pictures,
    stop: Pictures,
    tuning: FinetuneSettings,
    *,
    member: str,
    seed: int,
    checkpoint: Checkpoint,
) -> Course:
    """Train a network and leave it with the weights of its best epoch.

    The head alone learns for `head_epochs`, then head and last stages for `epochs` at most, by
    AdamW with a learning rate that falls along half a cosine in either phase. The best epoch has
    the smallest loss on the images to stop by; the second phase ends early after `patience` epochs
    without a smaller one.

    Parameters
    ----------
    model
        Just loaded.
    learn
        The images to learn from. Each batch's gradient is the mean over its images, weighted so
        that both classes count alike where `class_weights` is balanced.
    stop
        The images whose cases, by the mean logit of their views, decide which epoch was best; of
        both classes.
    tuning
        How.
    member, seed
        Name the streams of random numbers.
    checkpoint
        Taken up where there is one, and replaced after every epoch.

    Returns
    -------
    Course
        The learning curve, and what had learned by the best epoch.

    Raises
    ------
    StudyError
        When a loss is not finite, an operation of the network has no deterministic form, or a GPU
        does not hold the training of one patch.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019 (AdamW).
    """
    weights = _class_weights(learn.y, tuning.class_weights)
    with deterministic():
        model.scale_by(_over(model.features, model, learn, tuning))
    course, state = _taken_up(model, checkpoint)
    optimization: _Optimization | None = None
    with deterministic():
        for epoch in range(len(course.curve), tuning.head_epochs + tuning.epochs):
            phase = HEAD if epoch < tuning.head_epochs else STAGES
            last_gain = max(course.best_epoch, tuning.head_epochs - 1)
            if epoch - last_gain > tuning.patience:
                log.info("%s: no better for %d epochs, stopped", member, tuning.patience)
                break
            if optimization is None or optimization.phase != phase:
                optimization = _Optimization(model, phase, tuning, len(learn))
                if state is not None and state["phase"] == phase:
                    optimization.load(state["optimization"])
            random = seeds.stream(seed, "finetune", member, epoch)
            rate = optimization.rate
            loss = _epoch(model, learn, weights, tuning, optimization, random)
            row: dict[str, Any] = {
                "epoch": epoch,
                "phase": phase,
                "learning_rate": rate,
                "loss_learn": loss,
            }
            row |= _measure(model, stop, weights, tuning)
            if not all(np.isfinite([row["loss_learn"], row["loss_stop"]])):
                raise StudyError(
                    f"{member}: the loss of epoch {epoch} is not a finite number; lower "
                    "features.<name>.learning_rate, or use precision: float32"
                )
            course.curve.append(row)
            if row["loss_stop"] < _best_loss(course):
                course.best_epoch, course.best = epoch, model.learned()
            log.info(
                "%s, epoch %d (%s): loss %.4f, held out %.4f, AUC held out %.3f",
                *(member, epoch, phase, loss, row["loss_stop"], row["auc_stop"]),
            )
            checkpoint.save(
                {
                    "phase": phase,
                    "optimization": optimization.state(),
                    "learned": model.learned(),
                    "curve": course.curve,
                    "best_epoch": course.best_epoch,
                    "best": course.best,
                }
            )
    model.restore(course.best)
    return course


def _taken_up(model: Classifier, checkpoint: Checkpoint) -> tuple[Course, dict[str, Any] | None]:
    """Return where the training stands; the model then has learned what it had by then."""
    state = checkpoint.read()
    if state is None:
        return Course(), None
    model.restore(state["learned"])
    log.info("%s: going on after epoch %d", checkpoint.member, len(state["curve"]) - 1)
    return Course(state["curve"], state["best_epoch"], state["best"]), state


def _best_loss(course: Course) -> float:
    return course.curve[course.best_epoch]["loss_stop"] if course.best_epoch >= 0 else np.inf


class _Optimization:
    """The optimizer of one phase: AdamW, its rates falling along half a cosine to nothing."""

    def __init__(
        self, model: Classifier, phase: str, tuning: FinetuneSettings, n_images: int
    ) -> None:
        self.phase = phase
        model.learns_in_stages(phase == STAGES)
        if phase == HEAD:
            epochs, rate, learning = tuning.head_epochs, tuning.head_learning_rate, []
        else:
            epochs, rate, learning = tuning.epochs, tuning.learning_rate, model.stages
        self.optimizer = torch.optim.AdamW(
            [*model.head.parameters(), *learning], lr=rate, weight_decay=tuning.weight_decay
        )
        steps = epochs * -(-n_images // tuning.batch_size)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=steps)
        self.dtype = autocast_dtype(model.network.device, tuning.precision)
        self.scaler = torch.amp.GradScaler(
            model.network.device.type, enabled=self.dtype == torch.float16
        )
        self.at_once = tuning.batch_size

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])

    def step(
        self, model: Classifier, patches: torch.Tensor, y: torch.Tensor, weights: torch.Tensor
    ) -> float:
        """Learn from one batch and return its loss.

        Where the GPU's memory runs out, the batch is halved and its parts' gradients are added up.
        """
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                loss = self._gradients(model, patches, y, weights)
            except torch.OutOfMemoryError:
                if self.at_once == 1:
                    raise StudyError(
                        "the GPU's memory does not hold the training of even one patch; free it, "
                        "or choose a smaller features.<name>.backbone or features.<name>.stages"
                    ) from None
                self.at_once = (self.at_once + 1) // 2
                log.warning(
                    "out of memory on the GPU: gradients of %d patches at a time", self.at_once
                )
                torch.cuda.empty_cache()
                continue
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            return loss

    def _gradients(
        self, model: Classifier, patches: torch.Tensor, y: torch.Tensor, weights: torch.Tensor
    ) -> float:
        total = 0.0
        for first in range(0, len(y), self.at_once):
            part = slice(first, first + self.at_once)
            with autocast(patches.device, self.dtype):
                logits = model(patches[part])
            losses = binary_cross_entropy_with_logits(logits.float(), y[part], reduction="none")
            loss = (losses * weights[part]).sum() / len(y)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total


def _epoch(
    model: Classifier,
    learn: Pictures,
    class_weights: npt.NDArray[np.float32],
    tuning: FinetuneSettings,
    optimization: _Optimization,
    random: np.random.Generator,
) -> float:
    """Learn from every image once, in an order and with changes drawn from `random`."""
    model.eval()
    device = model.network.device
    order = random.permutation(len(learn))
    smoothed = learn.y * (1 - tuning.label_smoothing) + tuning.label_smoothing / 2
    total = 0.0
    for first in range(0, len(order), tuning.batch_size):
        rows = order[first : first + tuning.batch_size]
        patches = _on(device, learn.patches(rows))
        patches = augment.apply(patches, augment.draw(len(rows), tuning.augmentation, random))
        y = torch.from_numpy(smoothed[rows]).to(device)
        weights = torch.from_numpy(class_weights[learn.y[rows].astype(int)]).to(device)
        total += optimization.step(model, patches, y, weights) * len(rows)
    return total / len(order)


def _measure(
    model: Classifier,
    pictures: Pictures,
    class_weights: npt.NDArray[np.float32],
    tuning: FinetuneSettings,
) -> dict[str, float]:
    """Return loss and AUC over the cases of some images, by the mean logit of their views."""
    logits = _over(model, model, pictures, tuning).double().cpu().numpy()
    cases, place = np.unique(pictures.case, return_inverse=True)
    views = np.bincount(place, minlength=len(cases))
    of_case = np.bincount(place, weights=logits) / views
    y = np.bincount(place, weights=pictures.y) / views
    losses = np.logaddexp(0, of_case) - y * of_case
    weighted = losses * class_weights[y.astype(int)]
    return {
        "loss_stop": float(weighted.mean()),
        "auc_stop": auc(y, of_case),
    }


def _over(
    function: Callable[[torch.Tensor], torch.Tensor],
    model: Classifier,
    pictures: Pictures,
    tuning: FinetuneSettings,
) -> torch.Tensor:
    """Return what a function of patches gives for every image, unchanged, in float32."""
    model.eval()
    device, step = model.network.device, tuning.batch_size
    with torch.inference_mode(), autocast(device, autocast_dtype(device, tuning.precision)):
        return torch.cat(
            [
                function(_on(device, pictures.patches(rows))).float()
                for rows in np.split(np.arange(len(pictures)), range(step, len(pictures), step))
            ]
        )


def _on(device: torch.device, patches: npt.NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(patches).unsqueeze(1).to(device)


def _class_weights(y: npt.NDArray[np.float32], how: str) -> npt.NDArray[np.float32]:
    """Return the weights of the negative and the positive class; their mean over images is 1."""
    if how == "none":
        return np.ones(2, dtype=np.float32)
    positive = float(y.mean())
    return np.array([0.5 / (1 - positive), 0.5 / positive], dtype=np.float32)


def autocast_dtype(device: torch.device, precision: str) -> torch.dtype | None:
    """Return what products are computed in.

    Parameters
    ----------
    device
        Where the network is.
    precision
        "mixed" or "float32".

    Returns
    -------
    torch.dtype or None
        bfloat16, or float16 on a GPU that knows no other; None for float32, which a processor
        always takes.
    """
    if precision != "mixed" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def autocast(device: torch.device, dtype: torch.dtype | None) -> torch.autocast:
    """Return the context in which products are computed in a type.

    Parameters
    ----------
    device
        Where the network is.
    dtype
        From `autocast_dtype`.

    Returns
    -------
    torch.autocast
        One that changes nothing where `dtype` is None.
    """
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)


@contextmanager
def deterministic() -> Iterator[None]:
    """Compute so that the same input gives the same bits on one machine and device.

    Yields
    ------
    None
        To the block, in which torch takes one thread and deterministic algorithms alone; afterwards
        it takes what it took before.

    Raises
    ------
    StudyError
        When an operation has no deterministic form.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with (
            one_thread(),
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            ),
        ):
            yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise StudyError(
            f"an operation of this backbone has no deterministic form on this device "
            f"({str(error).splitlines()[0]}); choose another backbone, or device: cpu"
        ) from None
    finally:
        torch.use_deterministic_algorithms(before)
