"""Miniatures of public collections: real DICOM files in the collections' own layouts.

Every builder returns what must become of every row and file: `Fates`. A test holds all of them
against what the adapter says, so that a forgotten row fails as a wrong one does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tests.unit.images.making import breast, dicom

from microcalc.cohort.study_tables import Cohort, read_cohort
from microcalc.config import settings
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.config.image_settings import ImageSettings
from microcalc.images import shards
from microcalc.ingest import registry
from microcalc.ingest.outcome import Outcome
from microcalc.ingest.record import Record
from microcalc.ingest.write import write
from microcalc.plan.shard_rows import of_shard

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"
SHAPE = (200, 150)
BOXES = {"L": (20.0, 80.0, 60.0, 120.0), "R": (90.0, 80.0, 130.0, 120.0)}
"""Where a miniature's calcifications lie: x0, y0, x1, y1."""


@dataclass(frozen=True)
class Taken:
    """A row that becomes a case and, but for some rows, an image with a region."""

    label: str
    path: str = ""
    box: tuple[float, ...] | None = None
    roi_path: str = ""


Fates = dict[tuple[str, str], Taken | str]
"""What becomes of (file, row): taken, or the reason why not."""


def mammogram(
    path: Path, *, seed: int, side: str = "L", positive: bool = False, **attributes: Any
) -> Path:
    """Write a small mammogram; its specks are more, and brighter, in a positive case."""
    stored = breast(*SHAPE, seed=seed, chest_wall="left" if side == "L" else "right")
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = map(int, BOXES[side])
    for _ in range(25 if positive else 10):
        x, y = rng.integers(x0 + 2, x1 - 3), rng.integers(y0 + 2, y1 - 3)
        stored[y : y + 2, x : x + 2] = 3900 if positive else 3200
    if attributes.pop("eight_bits", False):
        stored = (stored >> 4).astype(np.uint8)
    chosen = {"SOPInstanceUID": f"1.2.3.{seed}", "ImageLaterality": side} | attributes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dicom(stored, **chosen))
    return path


def records(name: str, folder: Path) -> list[Record]:
    """Return what an adapter makes of a folder."""
    return registry.account(registry.COLLECTIONS[name], folder)


def fates(found: list[Record]) -> dict[tuple[str, str], Any]:
    """Return the adapter's verdicts in the words of the builders."""
    told: dict[tuple[str, str], Any] = {}
    for record in found:
        image = record.image
        fate: Taken | str = record.reason
        if record.case:
            fate = Taken(record.case.label)
        if record.case and image:
            fate = Taken(record.case.label, image.path, image.box, image.roi_path)
        place = tuple(record.place)
        # Of a row that yields several images, builders expect any one.
        if not isinstance(told.get(place), Taken):
            told[place] = fate
    return told


def ingest(name: str, folder: Path, target: Path, spacing_mm: str = "") -> Outcome:
    """Ingest a miniature in this process and write its tables and config."""
    outcome = Outcome(registry.COLLECTIONS[name], records(name, folder))
    write(outcome, target, source=folder, spacing_mm=spacing_mm)
    return outcome


def config_of(target: Path) -> dict[str, Any]:
    """Return the written config, accepted by the schema of studies."""
    written = yaml.safe_load((target / "config.yaml").read_text(encoding="utf-8"))
    return settings.complete(written).plain()


def cohort_of(config: Mapping[str, Any]) -> Cohort:
    """Return the written tables, accepted by the cohort room."""
    return read_cohort(
        config["cohort"]["cases"],
        config["cohort"]["images"],
        schemas=(str(SCHEMAS / "cases.yaml"), str(SCHEMAS / "images.yaml")),
        clinical=ClinicalVariable.each_of(config["clinical"]),
        labels=Labels.of(config["labels"]),
        other_columns=config["cohort"]["other_columns"],
    )


def patches_of(config: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the reason of every image that the images room leaves out; "" where it has a patch."""
    cohort = config["cohort"]
    rows = of_shard(cohort["cases"], cohort["images"], 0, 1)
    chosen = ImageSettings.of({**config["images"], "patch_mm": 6.4, "thumbnail_px": 48})
    path = folder / "shard.npz"
    shards.update(path, rows, settings=chosen, image_folder=cohort["image_folder"], digest="")
    shard = shards.read(path)
    return {
        str(image_id): str(reason)
        for image_id, reason in zip(shard.image_id, shard.reason, strict=True)
    }


def accepted(
    name: str,
    build: Callable[[Path, int], Fates],
    folder: Path,
    *,
    ordinary: int,
    spacing_mm: str = "",
) -> tuple[dict[str, Any], Cohort]:
    """Return the config and the cohort of a miniature of which every image gives a patch."""
    build(folder / "source", ordinary)
    outcome = ingest(name, folder / "source", folder / "study", spacing_mm)
    config = config_of(folder / "study")
    cohort = cohort_of(config)
    assert {image["image_id"] for image in cohort.images} == set(outcome.images)
    assert patches_of(config, folder) == dict.fromkeys(outcome.images, "")
    return config, cohort
