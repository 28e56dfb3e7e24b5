"""AdaBN: every center's images pass batch-norm layers with that center's own statistics.

Li, Wang, Shi, Hou and Liu, "Adaptive batch normalization for practical domain adaptation",
Pattern Recognition 2018;80:109-117. No label is used; images of validation sets are, so what is
computed with it is transductive.
"""

import hashlib
import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core.errors import StudyError
from microcalc.features import device as devices
from microcalc.features.domains import describing, domains

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from microcalc.features.pooled_network import Network
    from microcalc.features.shard_images import Images

log = logging.getLogger(__name__)

BATCH = 32
"""Images whose statistics are taken together, part of the method and not of the machine."""


@dataclass(frozen=True, eq=False)
class Adaptation:
    """Batch-norm statistics by domain.

    Attributes
    ----------
    domain
        The domain of every included case, by case_id.
    digest
        SHA-256 of the weights with the statistics of a domain, by domain.
    statistics
        By domain, then by the name of a running mean or variance, shape (channels,).
    """

    domain: Mapping[str, str]
    digest: Mapping[str, str]
    statistics: "Mapping[str, Mapping[str, torch.Tensor]]"

    def apply(self, network: "Network", domain: str) -> None:
        """Give a network the statistics of a domain.

        Parameters
        ----------
        network
            The backbone that they were taken with; changed in place.
        domain
            One of `statistics`.

        Raises
        ------
        KeyError
            When there is no such domain.
        """
        buffers = dict(network.body.named_buffers())
        for name, tensor in self.statistics[domain].items():
            buffers[name].copy_(tensor)


def fit(
    shards: "Sequence[Images]",
    included: "pd.DataFrame",
    weights_path: str | os.PathLike[str],
    settings: ExtractionSettings,
    *,
    threads: int,
) -> Adaptation:
    """Return the statistics that the batch-norm layers meet on each domain's images.

    Images are taken in the order of image_id, in batches of about `BATCH`; a layer's statistics
    are the average over the batches.

    Parameters
    ----------
    shards
        All shards of the study.
    included
        case_id, center and split of the included cases; no other column is looked at.
    weights_path
        What `weights.write` wrote.
    settings
        The set's backbone and device.
    threads
        How many threads to compute with.

    Returns
    -------
    Adaptation
        Every included case has a domain; the statistics are those of the images of
        `domains.describing`.

    Raises
    ------
    StudyError
        When the backbone has no batch-norm layers, a center too few cases, or the weights or the
        device do not fit.
    """
    import torch

    from microcalc.features import backbone

    torch.set_num_threads(threads)
    domain: dict[str, str] = dict(domains(included).items())  # type: ignore[arg-type]
    describe = describing(included)
    images = sorted(
        (str(shard.image_id[i]), number, i, domain[case_id])
        for number, shard in enumerate(shards)
        for i, case_id in enumerate(shard.case_id)
        if shard.status[i] == "ok" and case_id in describe
    )
    base = backbone.describe(weights_path).digest
    statistics, digest = {}, {}
    with devices.hold(devices.choose(settings.device)) as device:
        for name in sorted(set(domain.values())):
            network = backbone.load(
                settings.backbone, weights_path, device=device, tokens=settings.tokens
            )
            places = [(number, i) for _, number, i, of in images if of == name]
            statistics[name] = _statistics(network, shards, places)
            digest[name] = _digest(base, statistics[name])
            log.info("%s: batch-norm statistics of %d images", name, len(places))
    return Adaptation(domain, digest, statistics)


def _statistics(
    network: "Network", shards: "Sequence[Images]", places: Sequence[tuple[int, int]]
) -> "dict[str, torch.Tensor]":
    import torch

    layers = {
        name: module
        for name, module in network.body.named_modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    }
    if not layers:
        raise StudyError(
            "harmonize is adabn, but this backbone has no batch-norm layers; "
            "use combat or none, or another backbone"
        )
    for layer in layers.values():
        layer.train()
        layer.momentum = None  # the average over all batches, the first of which replaces what was
        layer.num_batches_tracked = torch.zeros((), dtype=torch.long, device=network.device)
    with torch.inference_mode():
        # Parts of equal size, so that no image counts more than another.
        for part in np.array_split(np.array(places), math.ceil(len(places) / BATCH)):
            grey = np.stack([shards[number].patch[i] for number, i in part.tolist()])
            batch = torch.from_numpy(grey).to(network.device).unsqueeze(1)
            images = network.preprocessing.normalized(batch)
            network(images.contiguous(memory_format=torch.channels_last))
    return {
        f"{name}.{kind}": getattr(layer, kind).detach().clone().cpu()
        for name, layer in layers.items()
        for kind in ("running_mean", "running_var")
    }


def _digest(weights: str, statistics: "Mapping[str, torch.Tensor]") -> str:
    total = hashlib.sha256(weights.encode())
    for name, tensor in sorted(statistics.items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    return total.hexdigest()


def write(adaptation: Adaptation, path: str | os.PathLike[str]) -> None:
    """Write an adaptation as safetensors, the same bytes for the same statistics.

    Parameters
    ----------
    adaptation
        From `fit`.
    path
        The file, replaced as a whole.
    """
    from microcalc.features.weights import write_tensors

    names = sorted(adaptation.statistics)
    tensors = {
        f"{names.index(domain)}/{name}": tensor
        for domain, found in adaptation.statistics.items()
        for name, tensor in found.items()
    }
    described = {"domains": names, "domain": adaptation.domain, "digest": adaptation.digest}
    metadata = {key: json.dumps(value, sort_keys=True) for key, value in described.items()}
    write_tensors(tensors, metadata, path)


def read(paths: Sequence[str | os.PathLike[str]]) -> Adaptation | None:
    """Return the adaptation that a rule was given, if it was given one.

    Parameters
    ----------
    paths
        No file, or the one that `write` made.

    Returns
    -------
    Adaptation or None
        Its statistics on the CPU; None without a file.
    """
    if not paths:
        return None
    from safetensors import safe_open

    with safe_open(paths[0], framework="pt") as file:
        described = {key: json.loads(value) for key, value in file.metadata().items()}
        names = described["domains"]
        statistics: dict[str, dict[str, torch.Tensor]] = {name: {} for name in names}
        for key in file.keys():  # noqa: SIM118  (it is no mapping)
            number, _, name = key.partition("/")
            statistics[names[int(number)]][name] = file.get_tensor(key)
    return Adaptation(described["domain"], described["digest"], statistics)
