"""Input and params functions of the rules that a set, a score or fine-tuned networks run through.

Each takes a job's wildcards, of which it reads `set`, `score` or `tuned`.
Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.feature_settings import FeatureSetSettings, StabilitySettings
from microcalc.config.study_config import StudyConfig
from microcalc.core.files import digest_file
from microcalc.plan import plain_path, rule_params, stability
from microcalc.plan.code_digest import PACKAGE_ROOT, code_digest
from microcalc.plan.paths import Paths, Wildcards
from microcalc.plan.sharding import Shards


@dataclass(frozen=True)
class OfShard:
    """What the jobs of a shard are given; `shard` is its number.

    Attributes
    ----------
    shards
        The study's shards.
    tell
        Calls a function with arguments, and ends the run with what a StudyError says.
    """

    shards: Shards
    tell: Callable[..., str]

    def digest(self, wildcards: Wildcards) -> str:
        """Return the digest of all that a shard of patches is made from."""
        return self.tell(self.shards.digest, int(wildcards.shard))

    def files_digest(self, wildcards: Wildcards) -> str:
        """Return the digest of its rows of the images table and of the files they name."""
        return self.tell(self.shards.files_digest, int(wildcards.shard))

    def phantoms_digest(self, wildcards: Wildcards) -> str:
        """Return the digest of the rows that its phantoms are made from."""
        return self.tell(self.shards.phantoms_digest, int(wildcards.shard))


@dataclass(frozen=True)
class OfSet:
    """What the jobs of a set of features are given; `set` is its folder.

    Attributes
    ----------
    paths
        The study's files.
    shards
        Numbers of its shards.
    """

    paths: Paths
    shards: Sequence[int]

    def row(self, wildcards: Wildcards) -> FeatureSetSettings:
        """Return the settings of the set."""
        return self.paths.sets[wildcards.set]

    def given_weights(self, wildcards: Wildcards) -> str | None:
        """Return what the config calls the weights of the set's network."""
        row = self.paths.network(wildcards.set)
        return row.weights if row else None

    def source(self, wildcards: Wildcards) -> list[str]:
        """Return what the weights of the set's network are prepared from."""
        return self.paths.source(wildcards.set, wildcards.backbone)

    def weights(self, wildcards: Wildcards) -> list[str]:
        """Return the prepared weights of the set's network."""
        return self.paths.weights(wildcards.set)

    def adapted(self, wildcards: Wildcards) -> list[str]:
        """Return its batch-norm statistics of each center; nothing unless adapted."""
        return self.paths.adapted(wildcards.set)

    def combat_cases(self, wildcards: Wildcards) -> list[str]:
        """Return the table of cases where centers are evened out by ComBat, else nothing."""
        return self.paths.where(self.row(wildcards).harmonize == "combat", "images/included.csv")

    def pooled_images(self, wildcards: Wildcards) -> list[str]:
        """Return the table of images where the set's views are pooled, else nothing."""
        return self.paths.where(self.row(wildcards).pools_views, "images/qc.csv")

    def table(self, wildcards: Wildcards) -> str:
        """Return the user's table that the set's columns come from."""
        return plain_path.of(str(self.row(wildcards).table))

    def table_digest(self, wildcards: Wildcards) -> dict[str, str]:
        """Return a digest of its content, whatever its time, by its name among a job's inputs."""
        return {"table": digest_file(self.table(wildcards))}

    def measured_in(self, wildcards: Wildcards) -> str:
        """Return the module that measures the set."""
        return self.row(wildcards).measured_in

    def kind_digest(self, wildcards: Wildcards) -> str:
        """Return a digest of that module and of all it imports, which no script names."""
        module = f"microcalc/features/{self.measured_in(wildcards)}.py"
        return code_digest(str(PACKAGE_ROOT / module))

    def measured_by(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return what an image's columns depend on."""
        return self.row(wildcards).measured_by

    def pool_views(self, wildcards: Wildcards) -> str:
        """Return how the columns of a case's views become those of the case."""
        return self.row(wildcards).pool_views

    def surround(self, wildcards: Wildcards) -> float:
        """Return the side of the windows that perturbed patches are cut from."""
        return stability.surround(self.paths.config, wildcards.set)

    def perturbation(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return how patches are perturbed."""
        return stability.perturbation(self.paths.config, wildcards.set)

    def n_redraws(self, wildcards: Wildcards) -> int:
        """Return how often every training image is perturbed."""
        return self._stability(wildcards).perturbations

    def readers(self, wildcards: Wildcards) -> list[str]:
        """Return the other readers whose regions the set is measured in too."""
        return list(self._stability(wildcards).readers)

    def perturbed(self, wildcards: Wildcards) -> list[str]:
        """Return the features of all shards of the first perturbed copy, then of the second, ..."""
        copies = [f"perturbed-{redraw}" for redraw in range(self.n_redraws(wildcards))]
        return self._by_shard(wildcards, copies)

    def drawn_by_readers(self, wildcards: Wildcards) -> list[str]:
        """Return the features of all shards of the first other reader, then of the second, ..."""
        return self._by_shard(wildcards, [f"reader-{name}" for name in self.readers(wildcards)])

    def _stability(self, wildcards: Wildcards) -> StabilitySettings:
        return self.row(wildcards).stability

    def _by_shard(self, wildcards: Wildcards, drawn: Sequence[str]) -> list[str]:
        return [
            self.paths.result(f"features/{wildcards.set}/{one}-{shard}.parquet")
            for one in drawn
            for shard in self.shards
        ]


@dataclass(frozen=True)
class OfScore:
    """What the jobs of a score are given; `score` is its name.

    Attributes
    ----------
    paths
        The study's files.
    """

    paths: Paths

    @property
    def config(self) -> StudyConfig:
        """The study's config."""
        return self.paths.config

    def columns(self, wildcards: Wildcards) -> list[str]:
        """Return the tables of columns that the score is made of."""
        return self.paths.tables_of(wildcards.score)

    def redrawn(self, wildcards: Wildcards) -> list[str]:
        """Return its features from regions drawn otherwise."""
        return self.paths.redrawn(wildcards.score)

    def least_iccs(self, wildcards: Wildcards) -> list[float]:
        """Return the least stability that each of these is asked for."""
        return stability.least_iccs(self.config, wildcards.score)

    def selection(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return how the score selects."""
        return self.config.selection_of(wildcards.score).plain()

    def n_folds(self, wildcards: Wildcards) -> int:
        """Return how many of the fine-tuned networks that it is made of leave a fold out."""
        (tuned,) = self.config.scores[wildcards.score].features
        return feature_sets.finetuned(self.config)[tuned].folds


@dataclass(frozen=True)
class OfTuned:
    """What the jobs of fine-tuned networks are given; `tuned` is their row of `features`.

    Attributes
    ----------
    paths
        The study's files.
    """

    paths: Paths

    def settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return what their training depends on."""
        return rule_params.training(self.paths.config, wildcards.tuned)

    def start(self, wildcards: Wildcards) -> list[str]:
        """Return the prepared weights that they start from."""
        return self.paths.start(wildcards.tuned)

    def trained_one(self, wildcards: Wildcards) -> str:
        """Return what the weights of one of them, `member`, are prepared from."""
        return self.paths.trained(wildcards.tuned, wildcards.member)

    def trained(self, wildcards: Wildcards) -> list[str]:
        """Return the networks that leave a fold out."""
        return [self.paths.trained(wildcards.tuned, name) for name in self._folds(wildcards)]

    def prepared(self, wildcards: Wildcards) -> list[str]:
        """Return the prepared weights of the networks that leave a fold out."""
        return self.paths.prepared(wildcards.tuned, members=self._folds(wildcards))

    def heads(self, wildcards: Wildcards) -> str:
        """Return their heads."""
        return self.paths.heads(wildcards.tuned)

    def features(self, wildcards: Wildcards) -> list[str]:
        """Return the features of the networks that leave a fold out."""
        return self._features(wildcards, self._folds(wildcards))

    def features_with_whole(self, wildcards: Wildcards) -> list[str]:
        """Return the features of the network of the whole training set, then the same."""
        return self._features(wildcards, (feature_sets.WHOLE, *self._folds(wildcards)))

    def _folds(self, wildcards: Wildcards) -> tuple[str, ...]:
        return feature_sets.folds(feature_sets.finetuned(self.paths.config)[wildcards.tuned].folds)

    def _features(self, wildcards: Wildcards, members: Sequence[str]) -> list[str]:
        folder = f"features/{wildcards.tuned}"
        return [self.paths.result(f"{folder}/{member}/features.parquet") for member in members]
