"""The report: one HTML page that holds all it needs and works from disk."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import yaml

from microcalc.report import captions, findings, layout, tables
from microcalc.report import format as fmt
from microcalc.report.captions import Caption
from microcalc.report.grid import Table
from microcalc.report.study import Files, Study

_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Item:
    """A numbered figure (`image` is a data URI) or table on the page."""

    name: str
    number: int
    caption: Caption
    table: Table | None = None
    image: str = ""


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    name: str
    title: str
    items: tuple[Item, ...]


def build(
    files: Files,
    *,
    config: Mapping[str, Any],
    template: str | os.PathLike[str],
    versions: Mapping[str, str],
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    files
        What to show, by name: see `Study.read`. Needed are `metrics` and `flow`; every other
        part of the page appears when its file is given.
    config
        The whole config, defaults filled in.
    template
        `workflow/report/page.html.j2`; the captions and alternative texts lie beside it.
    versions
        Libraries and their versions, see `versions.installed`.

    Raises
    ------
    StudyError
        When a figure has no caption.
    """
    study = Study.read(files, config=config)
    numbered = Numbering(study, Path(template).parent)
    front = numbered.section(layout.FRONT)
    rooms = [numbered.section(room) for room in layout.ROOMS]
    return read_template(template).render(
        study=study,
        fmt=fmt,
        limits=findings.nature(study),
        warnings=findings.warnings(study),
        front=front,
        rooms=rooms,
        config_text=yaml.safe_dump(
            _shown(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=88
        ),
        versions=versions,
    )


def read_template(path: str | os.PathLike[str]) -> jinja2.Template:
    """Return a page's template; others that lie beside it may be included."""
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
        self.figures = self.tables = 0

    def section(self, room: layout.Room) -> Section:
        """Return a room's figures and tables, those there are, with the next numbers."""
        made = [self._item(name) for name in room.items]
        return Section(room.name, room.title, tuple(item for item in made if item))

    def _item(self, name: str) -> Item | None:
        if name in self.study.figures:
            self.figures += 1
            caption = captions.write(name, self.study, self.folder, kind="figure")
            image = data_uri(self.study.figures[name])
            return Item(f"figure-{name}", self.figures, caption, image=image)
        if name not in tables.TABLES:
            return None
        table = tables.make(name, self.study)
        if table is None:
            return None
        self.tables += 1
        caption = captions.write(name, self.study, self.folder, kind="table")
        return Item(f"table-{name}", self.tables, caption, table=table)


def _runs(items: tuple[Item, ...]) -> list[tuple[bool, list[Item]]]:
    """Return neighbors of a kind together: (whether they are figures, the items)."""
    return [(kind, list(run)) for kind, run in groupby(items, key=lambda item: bool(item.image))]


def data_uri(path: Path) -> str:
    """Return a picture's file as text that stands in a page."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:{_TYPES[path.suffix]};base64,{data}"


def _shown(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without the folder of the images: its name may name people."""
    shown = dict(config)
    shown["cohort"] = {
        key: "(not shown)" if key == "image_folder" else value
        for key, value in config["cohort"].items()
    }
    return shown
