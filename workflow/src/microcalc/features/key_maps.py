"""Names of tensors: from those of other programs' files to those of a backbone.

A file may hold a network under a prefix, beside others (teacher and student, query and key
encoders), or its parts under their numbers instead of their names.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

Tensors = Mapping[str, torch.Tensor]

PREFERRED = {
    "teacher.": "student.",  # DINO: the teacher is what its authors publish
    "encoder_q.": "encoder_k.",  # MoCo 1 and 2: the query encoder
    "base_encoder.": "momentum_encoder.",  # MoCo 3
    "target_encoder.": "context_encoder.",  # I-JEPA
}
"""Of two networks in a file of these families the first is the pretrained one."""

OF_PRETRAINING = re.compile(r"(mask_token$|decoder_|decoder\.)")
"""What only the pretraining of masked autoencoders and of DINOv2 needs."""

# Torchvision's published DenseNets still name their layers as in 2017.
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
RENAMED = {"register_tokens": "reg_token"}
"""DINOv2's own name of a tensor, and timm's."""


@dataclass(frozen=True)
class Branch:
    """One network of a file.

    Attributes
    ----------
    prefix
        What the names of its tensors begin with there.
    tensors
        Its tensors, under the names of the backbone where they are known.
    missing
        What the backbone needs and is not among them.
    """

    prefix: str
    tensors: Tensors
    missing: Sequence[str]


def branch(given: Tensors, wanted: Collection[str], children: Sequence[str], prefix: str) -> Branch:
    """Return the network under a prefix, its tensors under the backbone's names.

    Parameters
    ----------
    given
        All tensors of the file.
    wanted
        The names that the backbone needs.
    children
        The names of the backbone's parts, in order, its head among them.
    prefix
        What the names begin with; empty for all.
    """
    own = {
        _as_now(key.removeprefix(prefix)): value
        for key, value in given.items()
        if key.startswith(prefix)
    }
    if own and all(key.partition(".")[0].isdecimal() for key in own):
        # RadImageNet and others: torch.nn.Sequential(*network.children()).
        own = {_named(key, children): value for key, value in own.items()}
    return Branch(prefix, own, [key for key in wanted if key not in own])


def branches(given: Tensors, wanted: Collection[str], children: Sequence[str]) -> list[Branch]:
    """Return the networks of a file that lack no tensor of the backbone, the shortest prefix first.

    Of families whose files hold two, the one that is published as pretrained alone.
    """
    found = [
        branch(given, wanted, children, prefix) for prefix in _prefixes(given, wanted, children)
    ]
    whole = [one for one in found if not one.missing]
    others = {one.prefix for one in whole}
    return [one for one in whole if not _is_second(one.prefix, others)]


def nearest(given: Tensors, wanted: Collection[str], children: Sequence[str]) -> Branch:
    """Return the network of a file that lacks the fewest tensors of the backbone."""
    found = [
        branch(given, wanted, children, prefix) for prefix in _prefixes(given, wanted, children)
    ]
    return min(found, key=lambda one: len(one.missing))


def _as_now(key: str) -> str:
    return RENAMED.get(key, OLD_DENSENET.sub(r"\1\2.", key))


def _named(key: str, children: Sequence[str]) -> str:
    number, _, rest = key.partition(".")
    place = int(number)
    return f"{children[place]}.{rest}" if place < len(children) else key


def _prefixes(given: Tensors, wanted: Collection[str], children: Sequence[str]) -> Sequence[str]:
    """Return every prefix under which the file has a name of the backbone, and those of all names.

    The shortest first, since the file's own outermost names are the likeliest.
    """
    anchors = list(wanted)[:: max(1, len(wanted) // 8)]
    numbers = {name: str(i) for i, name in enumerate(children)}
    ends = [form for anchor in anchors for form in _forms(anchor, numbers)]
    found = {"", *_common(list(given))}
    for key in given:
        for end in ends:
            if key.endswith(f".{end}"):
                found.add(key.removesuffix(end))
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


def _forms(name: str, numbers: Mapping[str, str]) -> Iterator[str]:
    yield name
    child, _, rest = name.partition(".")
    if child in numbers and rest:
        yield f"{numbers[child]}.{rest}"


def _common(keys: Sequence[str]) -> Iterator[str]:
    """Yield the prefixes that all names have in common, the shortest first."""
    prefix = ""
    while keys:
        part = keys[0].removeprefix(prefix).partition(".")
        prefix += part[0] + part[1]
        if not part[1] or not all(key.startswith(prefix) for key in keys):
            return
        yield prefix


def _is_second(prefix: str, others: Collection[str]) -> bool:
    """Return whether a network's pretrained sibling is there too."""
    there = {_without_wrapper(other) for other in others}
    return any(
        second in prefix and _without_wrapper(prefix.replace(second, first)) in there
        for first, second in PREFERRED.items()
    )


def _without_wrapper(prefix: str) -> str:
    """Return a prefix without what parallel or compiled training adds to it."""
    return prefix.replace("module.", "").replace("_orig_mod.", "")
