"""Training checkpoints: written after an epoch, so that a job that was killed goes on from there.

Checkpoints lie beside no output of a rule: Snakemake removes what a failed job declares. Their
name holds a digest of all that the training depends on, so that none is taken up by another.
Every epoch draws from streams of its own, so that there is no state of a generator to keep.
"""

import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from microcalc.core.files import atomic_path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The one checkpoint of a network's training.

    Attributes
    ----------
    folder
        Where those of all networks lie.
    member
        The network.
    key
        The digest of all that its training depends on.
    """

    folder: Path
    member: str
    key: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / f"{self.member}-{self.key[:16]}.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint.

        Parameters
        ----------
        state
            Tensors, numbers, texts, and lists and dictionaries of them, which `read` takes up
            without executing code.
        """
        with atomic_path(self.path) as temporary:
            torch.save(state, temporary)

    def read(self) -> dict[str, Any] | None:
        """Return what was saved; nothing in the file is executed (``weights_only``).

        Returns
        -------
        dict or None
            The state, its tensors on the CPU; None where nothing was saved, or it cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
            log.warning("%s cannot be read (%s): training from the start", self.path.name, error)
            return None
        return state

    def forget_others(self) -> None:
        """Remove this network's checkpoints of trainings that depended on something else."""
        for path in self.folder.glob(f"{self.member}-*.pt"):
            if path != self.path:
                path.unlink()

    def remove(self) -> None:
        """Remove the checkpoint, which a finished training needs no more."""
        self.path.unlink(missing_ok=True)
