"""What was taken, what was left out and why, in Markdown."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from microcalc.ingest.outcome import Outcome, kind
from microcalc.ingest.record import Image

_MOST_OF_ONE = 8
"""Images that a patient may well have."""


def text(outcome: Outcome, target: Path, spacing_mm: str) -> str:
    """Return the summary; every place of the source is counted in it.

    Parameters
    ----------
    outcome
        What was taken and what was not.
    target
        The folder of the study's tables.
    spacing_mm
        What the user said for files without a pixel spacing; empty when nothing.
    """
    collection, cases = outcome.collection, outcome.cases.values()
    labels = Counter(case.label or "no label" for case in cases)
    told = ", ".join(f"{count} {label}" for label, count in sorted(labels.items()))
    patients = len({case.patient_id for case in cases})
    lines = [
        f"# {collection.title}",
        "",
        f"Taken: {len(outcome.cases)} cases ({told}) of {patients} patients, "
        f"{len(outcome.images)} images.",
        "",
        *_counts(outcome),
        "",
        *[f"- {remark}" for remark in _remarks(outcome, spacing_mm)],
        "",
        f"Every row and file stands in {target / 'account.csv'}. Run the study with",
        "",
        f"    snakemake --cores all --configfile {target / 'config.yaml'}",
        "",
    ]
    return "\n".join(lines)


def _counts(outcome: Outcome) -> list[str]:
    """Return a table of places: read, taken, and left out for each reason."""
    taken: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for place, fate in outcome.fates().items():
        read[kind(place)] += 1
        taken[kind(place)] += any(record.case is not None for record in fate)
    lines = ["| source | rows or files | what became of them |", "|---|--:|---|"]
    for name in sorted(read):
        lines.append(f"| {name} | {read[name]} | read |")
        lines.append(f"| | {taken[name]} | taken |")
        lines += [
            f"| | {count} | left out: {reason} |"
            for of_name, reason, count in outcome.reasons()
            if of_name == name
        ]
    return lines


def _remarks(outcome: Outcome, spacing_mm: str) -> list[str]:
    images = outcome.images.values()
    remarks = [outcome.collection.surrogate] if outcome.collection.surrogate else []
    remarks += [*_patients(images), *_spacing(images, spacing_mm)]
    if (
        len(images) > _MOST_OF_ONE
        and len({case.patient_id for case in outcome.cases.values()}) == 1
    ):
        remarks.append(
            f"All {len(images)} images are said to be of one patient: a PatientID that was put in "
            "place of every patient's makes them one. Fill in column patient_id of cases.csv."
        )
    undrawn = sum(not (image.box or image.roi_path) for image in images)
    if undrawn:
        remarks.append(f"No region is drawn yet in {undrawn} of {len(images)} images.")
    sideless = sum(not image.laterality for image in images)
    if sideless:
        remarks.append(
            f"Nothing says the side of {sideless} of {len(images)} images, so that each is a case "
            "of its own: fill in column laterality, and give the views of one lesion one case_id."
        )
    viewless = sum(not image.view for image in images)
    if viewless:
        remarks.append(
            f"Nothing says the view of {viewless} of {len(images)} images, which enter the study "
            "whatever they are: fill in column view."
        )
    return [*remarks, *outcome.collection.remarks]


def _patients(images: Collection[Image]) -> list[str]:
    """Return what must be made sure of where nothing names the patients."""
    guessed = Counter(image.patient_from for image in images if image.patient_from)
    if not guessed:
        return []
    told = ", ".join(f"{name} ({count})" for name, count in sorted(guessed.items()))
    return [
        f"TO BE COMPLETED: nothing names the patient of {guessed.total()} of {len(images)} images. "
        f"Who is who was taken from {told}, and only you know whether that is right: go through "
        "column patient_id of cases.csv beside account.csv before anything else. One patient under "
        "two numbers would be in training and validation at once; two under one number would be "
        "held for one patient's repeated lesions."
    ]


def _spacing(images: Collection[Image], spacing_mm: str) -> list[str]:
    lacking = [image for image in images if not image.has_spacing]
    documented = [image for image in lacking if image.spacing_mm]
    if lacking and spacing_mm:
        return [f"{len(lacking)} images carry no pixel spacing; you said {spacing_mm} mm."]
    remarks = []
    if documented:
        said = ", ".join(sorted({image.spacing_mm for image in documented}))
        remarks.append(
            f"{len(documented)} images carry no pixel spacing; {said} mm is what the collection's "
            "documentation says."
        )
    if len(lacking) > len(documented):
        remarks.append(
            f"{len(lacking) - len(documented)} images carry no pixel spacing and will be excluded "
            "until column spacing_mm of the images table is filled in, here or by ingesting again "
            "with spacing_mm=...; a spacing is never assumed."
        )
    return remarks
