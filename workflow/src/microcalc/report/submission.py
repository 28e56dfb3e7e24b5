"""The files that authors take to a journal: draft, checklist, tables."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from microcalc.config.study_config import StudyConfig
from microcalc.core.files import write_text
from microcalc.report import captions, literal_text, manuscript, office, table_registry
from microcalc.report.grid import Row, Table
from microcalc.report.study import Files, Study

Name = str | os.PathLike[str]


def write(
    files: Files,
    outputs: Iterable[Name],
    *,
    config: StudyConfig,
    templates: Name,
    versions: Mapping[str, str],
) -> None:
    """Write every file of `outputs`.

    Parameters
    ----------
    files
        The study's results by name, see `Study.read`.
    outputs
        `manuscript` and `checklist` as .md or .docx, tables as <name of the table>.docx or .tex.
    config
        The whole config.
    templates
        The folder `workflow/report`.
    versions
        Libraries and their versions.
    """
    study = Study.read(files, config=config)
    folder = Path(templates)
    texts = {
        "manuscript": manuscript.write(study, folder / "manuscript/manuscript.md.j2", versions),
        "checklist": manuscript.checklist(study, folder / "manuscript/checklist.md.j2", versions),
    }
    for output in map(Path, outputs):
        if output.stem in texts and output.suffix == ".docx":
            office.write_markdown(texts[output.stem], output)
        elif output.stem in texts:
            write_text(literal_text.as_markdown(texts[output.stem]), output)
        else:
            _write_table(study, folder, output)


def _write_table(study: Study, folder: Path, output: Path) -> None:
    caption = captions.write(output.stem, study, folder, kind="table")
    table = table_registry.make(output.stem, study)
    if table is None:
        table = Table(("",), (Row(("This study has nothing to show here.",)),))
    else:
        # beside a table in Word stands no page that explains it
        table = replace(table, note=f"{caption.text} {table.note}".strip())
    if output.suffix == ".docx":
        office.write_table(table, caption.title, output)
    else:
        write_text(office.latex_table(table, caption.title), output)
