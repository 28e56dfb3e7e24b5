"""`snakemake check`: all that is wrong with a study, listed at once and without reading a pixel."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from microcalc.cohort import split_changes, split_file
from microcalc.cohort.eligible import build_eligible
from microcalc.cohort.split import SPLITS, few_cases, sizes
from microcalc.cohort.study_tables import Cohort, read_cohort
from microcalc.config import settings, views
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.published_weights import is_published
from microcalc.config.study_config import CohortConfig, StudyConfig
from microcalc.core.errors import StudyError, did_you_mean
from microcalc.images import window
from microcalc.images.shards import of_reader
from microcalc.plan import shard_rows
from microcalc.plan.paths import Paths
from microcalc.plan.sharding import Shards


def refuse_problems(config: Mapping[str, Any], schemas: Path) -> None:
    """Refuse a study with everything that would stop it, at once; one without problems passes.

    Parameters
    ----------
    config
        What the user wrote.
    schemas
        The folder of the schemas of cases and images.

    Raises
    ------
    StudyError
        Listing what is wrong with the config, its tables, and the files they name.
    """
    wrong = settings.problems(config)
    found = [str(StudyError.listing(settings.UNUSABLE, wrong))] if wrong else []
    found += list(_of_tables(config, schemas))
    if not wrong:
        found += list(_of_files(settings.complete(config)))
    if found:
        # A table that is not there is met twice.
        raise StudyError("\n".join(dict.fromkeys(found)))


def summary(config: StudyConfig, schemas: Path, results: Path) -> str:
    """Return how many cases, images and classes a study without problems has, in plain words.

    Parameters
    ----------
    config
        The study's config.
    schemas
        The folder of the schemas of cases and images.
    results
        The study's results: who would change sets against the last of them is said too.
    """
    cohort = read_tables(config, schemas)
    eligible, _, exclusions = _eligible(cohort, config)
    images = len({image["image_id"] for image in cohort.images})
    lines = [
        f"Study {config.study}: nothing is wrong with its config and tables.",
        f"{len(cohort.cases)} cases of {len({c['patient_id'] for c in cohort.cases})} patients, "
        f"{images} images",
    ]
    labels = config.labels
    counts = sizes(eligible.to_dict("records"))
    for split in SPLITS:
        negative, positive = counts.get(split, (0, 0))
        lines.append(f"  {split}: {negative} {labels.negative}, {positive} {labels.positive}")
    lines += [
        f"  left out: {count}, {reason}"
        for reason, count in sorted(Counter(exclusions["reason"]).items())
    ]
    lines += _of_other_views(config) + _cut(config)
    for name in config.clinical:
        missing = int(eligible[name].isna().sum())
        noun = "case" if missing == 1 else "cases"
        lines += [f"  {name} is missing in {missing} {noun}"] if missing else []
    paths = Paths(config)
    lines += Shards(config, paths.shard, str).columns_told()
    lines += few_cases(counts, labels) + split_changes.told(config, results, cohort.cases)
    return "\n".join(lines) + "\n"


def _of_other_views(config: StudyConfig) -> list[str]:
    """Return how many images `images.views` leaves out, and how many cases have no other.

    The view is the table's and each file's header's, where the images are there.
    """
    tables, wanted = config.cohort, config.images.views
    rows = shard_rows.of_shard(tables.cases, tables.images, 0, 1)
    chosen = of_reader(rows, config.images.reader)
    seen = [(row["case_id"], _view(row, tables.image_folder)) for row in chosen]
    gone = Counter(view for _, view in seen if not views.enters(view, wanted))
    if not gone:
        return []
    kept = {case_id for case_id, view in seen if views.enters(view, wanted)}
    lost = len({case_id for case_id, _ in seen} - kept)
    counts = ", ".join(f"{count} {view}" for view, count in sorted(gone.items()))
    noun = "case has" if lost == 1 else "cases have"
    return [
        f"  left out: {gone.total()} of {len(seen)} images, of a view that images.views leaves out "
        f"({counts}){f'; {lost} {noun} no other' if lost else ''}"
    ]


def _view(row: Mapping[str, str], image_folder: str) -> str:
    """Return the view of an image; what is wrong with its file is told when it is read."""
    from microcalc.images import dicom
    from microcalc.images.image_entry import ImageEntry

    try:
        path = os.path.join(image_folder, row["path"])
        return dicom.read_view(path, ImageEntry.from_row(row))
    except (StudyError, OSError, ValueError):
        return views.canonical(row.get("view", ""))


def _cut(config: StudyConfig) -> list[str]:
    """Return how many boxes are larger than the window, and how many regions only a run can tell.

    The spacing comes from each file's header, where the images are there.
    """
    tables, images = config.cohort, config.images
    if images.crop != "fixed":
        return []
    rows = shard_rows.of_shard(tables.cases, tables.images, 0, 1)
    chosen = of_reader(rows, images.reader)
    longest = [window.longer_side_mm(row, tables.image_folder) for row in chosen]
    known = [side for side in longest if side is not None]
    cut = sum(window.is_cut(side, images.patch_mm) for side in known)
    lines = []
    if cut:
        lines.append(
            f"  the ROI of {cut} of {len(known)} images is longer than the patch "
            f"(images.patch_mm, {images.patch_mm:g} mm) and will be cut: see images.crop"
        )
    if len(known) < len(chosen) and not config.simulate:
        lines.append(
            f"  the size of {len(chosen) - len(known)} ROIs, drawn in a file of their own or in "
            "images without a readable spacing, is known once the patches are made"
        )
    return lines


def read_tables(config: CohortConfig, schemas: Path) -> Cohort:
    """Return the checked tables of a study.

    Parameters
    ----------
    config
        Of the study: the sections that say how its tables are read.
    schemas
        The folder of the schemas of cases and images.

    Raises
    ------
    StudyError
        Listing what is wrong with the tables, see `study_tables.read_cohort`.
    """
    tables = config.cohort
    return read_cohort(
        tables.cases,
        tables.images,
        schemas=(str(schemas / "cases.yaml"), str(schemas / "images.yaml")),
        clinical=config.clinical,
        labels=config.labels,
        other_columns=tables.other_columns,
    )


def _eligible(cohort: Cohort, config: CohortConfig) -> Any:
    return build_eligible(
        cohort,
        labels=config.labels,
        settings=config.cohort,
        seed=config.seed,
        frozen=split_file.read(config.cohort.split_file),
    )


def _of_tables(config: Mapping[str, Any], schemas: Path) -> Iterator[str]:
    """Yield what is wrong with the tables, and with the splits once nothing is.

    They can be read when those sections of the config are right that say how.
    """
    try:
        readable = CohortConfig.of(config)
    except ValidationError:
        return
    try:
        _eligible(read_tables(readable, schemas), readable)
    except StudyError as error:
        yield str(error)


def _of_files(config: StudyConfig) -> Iterator[str]:
    """Yield what a valid config names that is not there, or not once."""
    for name, row in config.features.items():
        if isinstance(row, NetworkSettings):
            yield from _of_weights(f"features.{name}.weights", row.weights)
    tables = config.cohort
    try:
        rows = shard_rows.of_shard(tables.cases, tables.images, 0, 1)
        of_reader(rows, config.images.reader)
        yield from _of_readers(rows, config)
    except StudyError as error:
        yield str(error)
        return
    paths = Paths(config)
    shards, results = Shards(config, paths.shard, str), Path(paths.result(""))
    for refuse in (
        shards.refuse_unusable_columns,
        shards.refuse_missing_images,
        partial(_refuse_phantoms, shards, results),
        partial(split_file.refuse_inside_results, tables.split_file, results),
    ):
        try:
            refuse()
        except StudyError as error:
            yield str(error)


def _of_weights(place: str, weights: str) -> Iterator[str]:
    is_file = weights != "random" and not is_published(weights)
    if is_file and not os.path.isfile(weights):
        near = did_you_mean(weights, ("IMAGENET1K_V1", "IMAGENET1K_V2", "random"))
        yield f"{place}: there is no file {weights}{near}"


def _refuse_phantoms(shards: Shards, results: Path) -> None:
    shards.refuse_phantoms_elsewhere(results)
    shards.refuse_foreign_files(results)


def _of_readers(rows: list[shard_rows.Row], config: StudyConfig) -> Iterator[str]:
    known = sorted({row["reader"] for row in rows if row.get("reader")})
    named: dict[str, str | None] = {"images.reader": config.images.reader}
    for name, row in config.features.items():
        if isinstance(row, FeatureSetSettings):
            place = f"features.{name}.stability.readers"
            named |= {f"{place}, entry {i + 1}": r for i, r in enumerate(row.stability.readers)}
    for place, reader in named.items():
        if reader is not None and reader not in known:
            there = f"; there are {', '.join(known)}" if known else ", which has no column reader"
            near = did_you_mean(reader, known) or there
            yield f"{place}: {reader!r} drew no region of the images table{near}"
