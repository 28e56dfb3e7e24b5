"""Paths of a study's files whose place, or whose being there, depends on its config.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from microcalc.config import networks
from microcalc.config.feature_settings import FeatureSettings
from microcalc.config.published_weights import is_published
from microcalc.config.study_config import StudyConfig
from microcalc.plan import cam_model, replicate_blocks


@dataclass(frozen=True)
class Paths:
    """The files of one study, as Snakemake names them: relative to the working directory.

    Attributes
    ----------
    config
        The study's config.
    frozen
        Where models are applied, the results folder of the study that froze them.
    """

    config: StudyConfig
    frozen: Path | None = None

    def result(self, path: str) -> str:
        """Return a file under the study's results."""
        return f"results/{self.config.study}/{path}"

    def log(self, rule: str, wildcards: Sequence[str] = ()) -> str:
        """Return the log of a rule, or of each of its jobs: `logs/extract_patches/{shard}.log`.

        What `network` stands for is a folder, or nothing: it goes before.
        """
        network, job = _of_job(wildcards)
        return self.result(f"logs/{network}{rule}{'/' if job else ''}{job}.log")

    def time(self, rule: str, wildcards: Sequence[str] = ()) -> str:
        """Return the file that says how long a rule took, or each of its jobs."""
        network, job = _of_job(wildcards)
        name = f"{rule}/{network}{job or 'jobs'}" if wildcards else rule
        return self.result(f"history/times/{name}.tsv")

    def shard(self, number: int) -> str:
        """Return the file of a shard's patches."""
        return self.result(f"images/shard-{number}.npz")

    def where(self, asked: object, *paths: str) -> list[str]:
        """Return files under the study's results where they are asked for, else nothing."""
        return [self.result(path) for path in paths if asked]

    def harmonized(self, method: str, path: str) -> list[str]:
        """Return a file where the features are harmonized by `method`, else nothing."""
        return self.where(self.config.features.harmonize == method, path)

    @cached_property
    def networks(self) -> dict[str, FeatureSettings]:
        """The settings of each network by its folder, see `microcalc.config.networks`."""
        return networks.settings(self.config, self.trained)

    def trained(self, member: str) -> str:
        """Return what the weights of a fine-tuned network are prepared from."""
        if self.frozen:
            return self._in_frozen(f"finetuned/{member}/")
        return self.result(f"features/finetuned/{member}.safetensors")

    def heads(self) -> str:
        """Return the heads of the fine-tuned networks; those of the study that froze the models."""
        return self._in_frozen("finetuned/") if self.frozen else self.weights("finetuned/")

    def _in_frozen(self, network: str) -> str:
        backbone = self.config.features.backbone
        return f"{self.frozen}/features/{network}weights/{backbone}.safetensors"

    def weights(self, network: str = "") -> str:
        """Return the prepared weights of a network."""
        backbone = self.networks[network].backbone
        return self.result(f"features/{network}weights/{backbone}.safetensors")

    def source(self, network: str, backbone: str) -> list[str]:
        """Return what a network's weights are prepared from; nothing where they are generated."""
        weights = self.networks[network].weights
        if weights == "random":
            return []
        if is_published(weights):
            return [self.result(f"features/{network}weights/{backbone}.fetched.json")]
        return [weights]

    def weights_behind(self, network: str) -> str:
        """Return the weights that give a network's features or, with their heads, its scores."""
        if network == f"{networks.FINETUNED}/":
            return self.heads()
        whole = f"{networks.FINETUNED}/{networks.WHOLE}/"
        return self.weights(whole if network == f"{networks.FINETUNED_LASSO}/" else network)

    def redrawn(self) -> list[str]:
        """Return a {network}'s features from regions drawn otherwise; none without stability."""
        asked = self.config.features.stability
        return [
            *self.where(asked.perturbations, "features/{network}perturbed.parquet"),
            *self.where(asked.readers, "features/{network}other_readers.parquet"),
        ]

    def parts(self, design: str, suffix: str = "") -> list[str]:
        """Return the files of all blocks of a design of replicates; none where it is off."""
        numbers = replicate_blocks.numbers(self.config.evaluation, design)
        return [self.result(f"evaluation/parts/{design}-{n}{suffix}.csv") for n in numbers]

    def optional_figures(self) -> list[str]:
        """Return the figures of what a study need not have: refits, maps, fine-tuning."""
        return [
            *self.where(replicate_blocks.is_any(self.config.evaluation), "figures/resampling.svg"),
            *self.where(cam_model.name(self.config), "figures/saliency.svg"),
            *self.where(networks.trained(self.config), "figures/learning_curves.svg"),
        ]

    def choice(self) -> list[str]:
        """Return the record of the chosen variant; nothing where none is to be chosen."""
        chooses = networks.must_choose(self.config) and not self.frozen
        return self.where(chooses, "models/choice.json")

    def simulated(self, shard: str) -> list[str]:
        """Return the manifest of a shard's phantoms; none in a study of real patients."""
        return self.where(self.config.simulate, f"simulate/shard-{shard}.json")

    def mapped(self, case: str) -> list[str]:
        """Return the figure of a case's maps; nothing where no map adds up to a score."""
        return self.where(cam_model.name(self.config), f"figures/case-{case}/case_map.svg")


def _of_job(wildcards: Sequence[str]) -> tuple[str, str]:
    """Return what tells a rule's jobs apart: the network's folder, and all else."""
    network = "{network}" if "network" in wildcards else ""
    return network, "-".join(f"{{{name}}}" for name in wildcards if name != "network")
