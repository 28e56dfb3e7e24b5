"""`make crate`: a study's results and how they were made, as a Workflow Run RO-Crate.

The crate follows the profile Provenance Run Crate 0.5 of the Workflow Run RO-Crate community
(Leo et al., PLoS ONE 2024, doi 10.1371/journal.pone.0309210): every job is an action with the
script as its instrument, what it read as its objects and what it wrote as its results, all with
their SHA-256. It is made from provenance records alone. What shows patients or has a row for each
of them is described and not packed: pictures, patches, features, tables by case, the page.
"""

import csv
import json
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import microcalc
from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records
from microcalc.core.errors import StudyError
from microcalc.core.files import Content, atomic_path, read_json, write_json
from microcalc.core.job_records import Record
from microcalc.core.libraries import from_extra, installed_version

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
VERSIONS = {name: uri.rsplit("/", 1)[1] for uri, name in PROFILES.items()}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"

OF_PATIENTS = ("images/", "features/", "simulate/", "figures/gallery", "figures/saliency")
"""Results that show patients, or hold what was measured in each."""

BY_CASE = frozenset({"case_id", "patient_id", "image_id"})
"""A table with one of these columns has a row for each patient."""

PAGES = ("report/report.html", "report/case-", "figures/case-", "models/domain.json")
"""Pages with pictures of patients, and what is kept of each case to compare new ones with."""

PLACES = frozenset({"cases", "images", "image_folder", "split_file", "phantoms", "path", "weights"})
"""Keys of the config whose texts may be paths, in which people's names stand."""


def pack(results: Path, config: StudyConfig, *, house: Path) -> str:
    """Write a study's crate, `crate/<study>.zip` among its results.

    Parameters
    ----------
    results
        The study's results, which `verify` found untouched.
    config
        The study's config.
    house
        The folder with the Snakefile.

    Returns
    -------
    str
        What was packed, in words.

    Raises
    ------
    StudyError
        When the library rocrate is not installed, or nothing was recorded.
    """
    records = dict(job_records.records(results))
    if not records:
        raise StudyError(f"{results}: no job has left a provenance record here; run the study")
    with from_extra("crate"):
        from rocrate.rocrate import ROCrate  # type: ignore[import-untyped]
    crate = ROCrate(version="1.1")  # that of the profiles
    packing = Packing(crate, results, house, config.study)
    with atomic_path(results / "crate" / "config.json") as plan:
        write_json(_without_paths(config.plain()), plan)
        packing.describe(records, plan)
        path = results / "crate" / f"{config.study}.zip"
        with atomic_path(path) as temporary:
            crate.write_zip(temporary)
    described = len(packing.entities) - packing.packed
    return (
        f"{path}: {packing.packed} files, and {described} more that show patients or have a row "
        f"for each of them, by their digests alone; {len(records)} jobs\n"
    )


@dataclass
class Packing:
    """A crate that is being filled.

    Attributes
    ----------
    crate
        An `rocrate.rocrate.ROCrate`.
    results, house, study
        The study's results, the folder with the Snakefile, the study's name.
    entities
        Of each result, by its path.
    packed
        How many of them are in the crate as files.
    """

    crate: Any
    results: Path
    house: Path
    study: str
    entities: dict[str, Any] = field(default_factory=dict)
    packed: int = 0

    def describe(self, records: Mapping[str, Record], config: Path) -> None:
        """Add the workflow, every result and every job."""
        self._describe_root()
        workflow = self._workflow(records)
        for record in records.values():
            for path, content in record.outputs.items():
                if content is not None:
                    self.entities[path] = self._result(path, content)
        about = {"name": "config, without paths", "encodingFormat": "application/json"}
        given = self.crate.add_file(config, "config.json", properties=about)
        steps = {rule: self._step(rule) for rule in sorted({r.rule for r in records.values()})}
        workflow["step"] = list(steps.values())
        workflow["hasPart"] = [step["workExample"] for step in steps.values()]
        actions = {name: self._action(name, record) for name, record in records.items()}
        self._run(workflow, given, actions, {n: steps[r.rule] for n, r in records.items()})

    def _describe_root(self) -> None:
        root = self.crate.root_dataset
        root["name"] = f"Study {self.study}: results of MicroCalc and how they were made"
        root["description"] = (
            "Tables, models, figures and manuscript of a breast-imaging study, with the record of "
            "every job that made them. What shows patients or has a row for each of them is "
            "described by its digest and not packed."
        )
        root["datePublished"] = date.today().isoformat()
        root["license"] = self._add(
            "#no-licence",
            "CreativeWork",
            name="No licence is stated",
            description="The study's authors say under which licence its results may be used.",
        )
        self.crate.metadata.extra_contexts.append(TERMS)
        root["conformsTo"] = [
            self._add(uri, "CreativeWork", name=name, version=VERSIONS[name])
            for uri, name in PROFILES.items()
        ]

    def _workflow(self, records: Mapping[str, Record]) -> Any:
        workflow = self.crate.add_workflow(
            self.house / "Snakefile",
            "Snakefile",
            main=True,
            lang="snakemake",
            lang_version=installed_version("snakemake"),
            properties={
                "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
                "name": "MicroCalc",
                "encodingFormat": "text/plain",
                "version": microcalc.__version__,
            },
        )
        versions = next(iter(records.values())).versions
        workflow["softwareRequirements"] = [
            self._add(f"#{name}", "SoftwareApplication", name=name, softwareVersion=version)
            for name, version in versions.items()
            if version != "not installed"
        ]
        return workflow

    def _step(self, rule: str) -> Any:
        script = self.house / "workflow" / "scripts" / f"{rule}.py"
        if script.is_file():
            tool = self.crate.add_file(
                script,
                f"workflow/scripts/{rule}.py",
                properties={
                    "@type": ["File", "SoftwareSourceCode"],
                    "name": rule,
                    "encodingFormat": "text/x-python",
                    "version": microcalc.__version__,
                },
            )
        else:  # a rule with the script of another
            tool = self._add(
                f"#tool-{rule}",
                "SoftwareApplication",
                name=rule,
                softwareVersion=microcalc.__version__,
            )
        return self._add(f"#step-{rule}", "HowToStep", name=rule, workExample=tool)

    def _result(self, path: str, content: Content) -> Any:
        about = {"name": path, "sha256": content.sha256, "contentSize": str(content.size)}
        if not _may_be_packed(self.results, path):
            return self._add(f"#{path}", "CreativeWork", **about)
        self.packed += 1
        about["encodingFormat"] = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return self.crate.add_file(self.results / path, path, properties=about)

    def _action(self, name: str, record: Record) -> Any:
        read = [self.entities[path] for path in record.inputs if path in self.entities]
        for role, digests in record.given.items():
            read += [self._given(role, digest) for digest in digests]
        read += [self._given(image, digest) for image, digest in record.images.items()]
        return self._add(
            f"#job-{name}",
            "CreateAction",
            name=f"Job {name}",
            description=f"A job of the rule {record.rule}; its settings: {record.settings}",
            instrument=self.crate.dereference(f"#step-{record.rule}")["workExample"],
            object=read,
            result=[self.entities[path] for path in record.outputs if path in self.entities],
            actionStatus="http://schema.org/CompletedActionStatus",
        )

    def _given(self, role: str, digest: str) -> Any:
        """Return what stands for a file of the user's: what it is for, and its digest."""
        return self._add(f"#{role}-{digest[:16]}", "PropertyValue", name=role, value=digest)

    def _run(
        self, workflow: Any, config: Any, actions: Mapping[str, Any], steps: Mapping[str, Any]
    ) -> None:
        run = self._add(
            "#run",
            "CreateAction",
            name=f"Run of the study {self.study}",
            description="All jobs whose results are here, whenever each was run last",
            instrument=workflow,
            object=[config],
            result=[entity for entity in self.entities.values() if entity.type == "File"],
            actionStatus="http://schema.org/CompletedActionStatus",
        )
        engine = self._add(
            "#engine",
            "SoftwareApplication",
            name="Snakemake",
            softwareVersion=installed_version("snakemake"),
        )
        controls = [
            self._add(
                f"#control-{name}",
                "ControlAction",
                name=f"Orchestration of the job {name}",
                instrument=steps[name],
                object=action,
            )
            for name, action in actions.items()
        ]
        self._add(
            "#orchestration",
            "OrganizeAction",
            name="Run of Snakemake",
            instrument=engine,
            object=controls,
            result=run,
        )
        self.crate.root_dataset["mentions"] = [run, *actions.values()]

    def _add(self, identifier: str, kind: str, **about: Any) -> Any:
        from rocrate.model.contextentity import ContextEntity  # type: ignore[import-untyped]

        known = self.crate.dereference(identifier)
        if known is not None:
            return known
        entity = self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind}))
        for name, value in about.items():
            # JSON-LD writes a list of one as the one.
            is_one = isinstance(value, list) and len(value) == 1
            entity[name] = value[0] if is_one else value
        return entity


def _may_be_packed(results: Path, path: str) -> bool:
    """Return whether a result tells of no single patient."""
    if path.startswith((*OF_PATIENTS, *PAGES)):
        return False
    if path.endswith(".csv"):
        with open(results / path, encoding="utf-8", newline="") as file:
            return not BY_CASE.intersection(next(csv.reader(file), []))
    if path.endswith(".json"):
        return not BY_CASE.intersection(_keys(read_json(results / path)))
    return path.endswith((".svg", ".png", ".pdf", ".md", ".docx", ".tex", ".yaml"))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def _without_paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: "(not shown)"
            if name in PLACES and isinstance(inner, str) and "/" in json.dumps(inner)
            else _without_paths(inner)
            for name, inner in value.items()
        }
    return [*map(_without_paths, value)] if isinstance(value, list | tuple) else value
