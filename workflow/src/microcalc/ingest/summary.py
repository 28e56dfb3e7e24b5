"""What was taken, what was left out and why, in Markdown."""

from collections import Counter
from pathlib import Path

from microcalc.ingest.outcome import Outcome, kind


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
    lacking = sum(not image.has_spacing for image in outcome.images.values())
    remarks = [outcome.collection.surrogate] if outcome.collection.surrogate else []
    if lacking and spacing_mm:
        remarks.append(f"{lacking} images carry no pixel spacing; you said {spacing_mm} mm.")
    elif lacking:
        remarks.append(
            f"{lacking} images carry no pixel spacing and will be excluded until column spacing_mm "
            "of the images table is filled in; a spacing is never assumed."
        )
    return [*remarks, *outcome.collection.remarks]
