"""The report: one HTML page that holds all it needs and works from disk."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import jinja2
import yaml

from microcalc.config.study_config import StudyConfig
from microcalc.figures import number_format
from microcalc.report import (
    captions,
    changes,
    contact_sheets,
    finetuning_text,
    layout,
    limitations,
    run_times,
    score_text,
    table_registry,
)
from microcalc.report import format as fmt
from microcalc.report.captions import Caption
from microcalc.report.data_uri import data_uri
from microcalc.report.grid import Table
from microcalc.report.study import Files, Study, shown

# More than a journal's column; figures.style knows that too, and would bring all of matplotlib.
_WIDE_MM = 90
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Item:
    """A numbered figure or table of a page.

    Attributes
    ----------
    name
        Its anchor: `figure-roc_internal`, `table-delong`.
    number
        Counted over the page, figures and tables apart.
    caption
        What stands with it.
    table
        None of a figure.
    image
        A figure as a data URI; empty of a table.
    wide
        Whether a figure is drawn for the whole width of a page.
    """

    name: str
    number: int
    caption: Caption
    table: Table | None = None
    image: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it.

    Attributes
    ----------
    name
        Its anchor.
    title
        The heading.
    items
        Figures and tables in reading order.
    """

    name: str
    title: str
    items: tuple[Item, ...]


def build(
    files: Files,
    *,
    config: StudyConfig,
    template: str | os.PathLike[str],
    versions: Mapping[str, str],
    times: str | os.PathLike[str],
    rules: Mapping[str, Sequence[str]],
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    files
        What to show, see `Study.read` and `table_registry`. Needed are `metrics` and `flow`;
        every other part of the page appears when its file is given.
    config
        The whole config, defaults filled in.
    template
        `workflow/report/page.html.j2`; the captions and alternative texts lie beside it.
    versions
        Libraries and their versions, see `versions.installed`.
    times
        The folder of run times, see `run_times.read`.
    rules
        The rules of each room, rooms in their order.

    Raises
    ------
    StudyError
        When a figure has no caption.
    """
    page = Path(template)
    took = run_times.by_room(run_times.read(times), rules)
    study = replace(Study.read(files, config=config), times=took)
    numbered = Numbering(study, page.parent)
    changed = numbered.section(layout.CHANGES)
    front = numbered.section(layout.FRONT)
    rooms = [numbered.section(room) for room in layout.ROOMS]
    return read_template(template).render(
        study=study,
        fmt=fmt,
        number_format=number_format,
        score_text=score_text,
        limits=limitations.nature(study),
        warnings=limitations.warnings(study),
        finetuned=finetuning_text.paragraphs(study),
        changed=changed,
        changes=changes.of_study(study),
        front=front,
        rooms=rooms,
        sheets=contact_sheets.of_study(study.sheets),
        run=numbered.section(layout.RUN),
        config_text=yaml.safe_dump(
            shown(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=88
        ),
        versions=versions,
    )


def read_template(path: str | os.PathLike[str]) -> jinja2.Template:
    """Return a page's template; others that lie beside it may be included.

    Parameters
    ----------
    path
        A file of `workflow/report`. Values are escaped as HTML, and one that is not given is an
        error when the page is made (`jinja2.UndefinedError`).
    """
    page = Path(path)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(page.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["groupby_run"] = _runs
    return environment.get_template(page.name)


class Numbering:
    """Counts figures and tables in the order they are met."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.images = _images(study)
        self.figures = self.tables = 0

    def section(self, room: layout.Room) -> Section:
        """Return a room's figures and tables, those there are, with the next numbers.

        Raises
        ------
        StudyError
            When one of them has no caption.
        """
        made = [self._item(name) for name in room.items]
        return Section(room.name, room.title, tuple(item for item in made if item))

    def _item(self, name: str) -> Item | None:
        if name in self.images:
            self.figures += 1
            caption = captions.write(name, self.study, self.folder, kind="figure")
            image, wide = self.images[name]
            return Item(f"figure-{name}", self.figures, caption, image=image, wide=wide)
        if not table_registry.find(name):
            return None
        table = table_registry.make(name, self.study)
        if table is None:
            return None
        self.tables += 1
        caption = captions.write(name, self.study, self.folder, kind="table")
        return Item(f"table-{name}", self.tables, caption, table=table)


def _runs(items: tuple[Item, ...]) -> list[tuple[bool, list[Item]]]:
    """Return neighbors of a kind together: (whether they are figures, the items)."""
    return [(kind, list(run)) for kind, run in groupby(items, key=lambda item: bool(item.image))]


def _images(study: Study) -> dict[str, tuple[str, bool]]:
    """Return every figure by its stem, as a data URI, and whether it takes a page's width."""
    found = {stem: (path.read_bytes(), _TYPES[path.suffix]) for stem, path in study.figures.items()}
    return {stem: (data_uri(data, kind), _is_wide(data)) for stem, (data, kind) in found.items()}


def _is_wide(data: bytes) -> bool:
    """Return whether a drawing is wider than a journal's column; one that scales freely is."""
    if b"<svg" not in data[:500]:
        return False
    width = re.search(rb'<svg[^>]* width="([0-9.]+)pt"', data[:1000])
    return width is None or float(width[1]) * 25.4 / 72 > _WIDE_MM
