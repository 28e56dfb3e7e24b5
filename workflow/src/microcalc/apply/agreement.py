"""Whether the new cohort's features are made as those were that the models were fitted on."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence

from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_path, write_each
from microcalc.models import frozen

Path = str | os.PathLike[str]


def take(
    sources: Sequence[Path], targets: Sequence[Path], here: Mapping[str, frozen.TablePart]
) -> None:
    """Copy frozen models, byte for byte, once nothing speaks against using them here.

    Parameters
    ----------
    sources, targets
        The models' files, and where each goes.
    here
        By table of columns, how it comes about here, see `provenance.parts`.

    Raises
    ------
    StudyError
        Listing every digest that differs, or when a file is no frozen model; nothing is copied
        then.
    """
    problems = [line for path in sources for line in differences(frozen.read(path), here)]
    if problems:
        raise StudyError.listing(
            "The models were fitted on features made in another way than this cohort's would be; "
            "use the weights and the MicroCalc that they were fitted with",
            problems,
        )
    write_each(_copy, sources, targets)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def differences(model: frozen.FrozenModel, here: Mapping[str, frozen.TablePart]) -> list[str]:
    """Return everything in which a model's features differ from those made here.

    Parameters
    ----------
    model
        A frozen model.
    here
        By table of columns, how it comes about here, see `provenance.parts`.

    Returns
    -------
    list of str
        A line for each difference of kind, weights or settings; empty when the model can be used.
    """
    return [
        f"model {model['name']}: {line}"
        for table, there in model["tables"].items()
        for line in _of_table(table, here.get(table), there)
    ]


def _of_table(table: str, here: frozen.TablePart | None, there: frozen.TablePart) -> Iterator[str]:
    if here is None:
        yield f"it takes the features of {table}, which are not made here"
        return
    of = f" of {table}"
    if here["kind"] != there["kind"]:
        yield f"the kind{of} is {here['kind']} here, {there['kind']} in the model"
    weights, fitted = here.get("weights", {}), there.get("weights", {})
    for key, name in (("backbone", "the backbone"), ("digest", "the digest of the weights")):
        if weights.get(key) != fitted.get(key):
            yield f"{name}{of} is {weights.get(key)} here, {fitted.get(key)} in the model"
    made, wanted = here["preprocessing"], there["preprocessing"]
    if made["digest"] != wanted["digest"]:
        yield from list(_settings(table, made, wanted)) or [
            f"the digest of the preprocessing{of} is {made['digest']} here, {wanted['digest']} in "
            "the model"
        ]


def _settings(table: str, here: frozen.Preprocessing, there: frozen.Preprocessing) -> Iterator[str]:
    parts = (
        ("images", here["images"], there["images"]),
        ("features", here["features"], there["features"]),
    )
    for part, own, other in parts:
        for key in sorted({*own, *other}):
            if own.get(key) != other.get(key):
                yield (
                    f"{part}.{key} of {table} is {own.get(key)!r} here, {other.get(key)!r} in the "
                    "model"
                )
