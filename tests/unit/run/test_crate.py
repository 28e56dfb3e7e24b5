"""The crate; docs/provenance.md says what a validator of the profile found in it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config
from tests.unit.core.test_job_records import job, place, write

from microcalc.core.errors import StudyError
from microcalc.run import crate

__all__ = ["place"]

RESULTS = Path("results/mine")
HOUSE = Path(__file__).parents[3]


def make(rule: str, *, given: dict[str, Any] | None = None, **texts: str) -> None:
    names = {name.replace("__", "/").replace("_dot_", "."): text for name, text in texts.items()}
    begun = job(rule, input=given or {}, output=[str(RESULTS / name) for name in names])
    for name, text in names.items():
        write(str(RESULTS / name), text)
    begun.leave_record()


@pytest.fixture
def packed(place: Path) -> tuple[set[str], dict[str, Any]]:
    """The names of a packed study's files, and its metadata by id."""
    cases = write("secret/Doe.csv", "case_id\nC1\n")
    make("build_cohort", given={"cases": cases}, cohort__eligible_dot_csv="case_id,y\nC1,1\n")
    make(
        "fit_models",
        given={"included": str(RESULTS / "cohort/eligible.csv")},
        models__deep_dot_json='{"name": "deep"}',
        models__domain_dot_json="{}",
        images__shard_dot_npz="pixels",
        evaluation__saliency_dot_npz="pixels",
        report__report_dot_html="<img>",
    )
    make("draw_case", figures__flow_dot_svg="<svg/>")
    config = study_config(cohort={"cases": "/secret/Doe.csv", "image_folder": "/secret/scans"})
    told = crate.pack(RESULTS, config, house=HOUSE)
    assert "results/mine/crate/" in told
    (archive,) = RESULTS.glob("crate/*.zip")
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        graph = json.loads(file.read("ro-crate-metadata.json"))["@graph"]
        everything = "".join(
            file.read(name).decode() for name in ("ro-crate-metadata.json", "config.json")
        )
    assert not [word for word in ("secret", "Doe", str(place)) if word in everything]
    return names, {entity["@id"]: entity for entity in graph}


def test_what_shows_patients_or_has_a_row_for_each_is_described_and_not_packed(
    packed: tuple[set[str], dict[str, Any]],
) -> None:
    names, entities = packed
    assert {"models/deep.json", "figures/flow.svg", "Snakefile", "config.json"} <= names
    hidden = ["cohort/eligible.csv", "images/shard.npz", "evaluation/saliency.npz"]
    hidden += ["models/domain.json", "report/report.html"]
    assert not names.intersection(hidden)
    assert all(len(entities[f"#{name}"]["sha256"]) == 64 for name in hidden)


def test_every_job_is_an_action_with_what_it_read_and_wrote(
    packed: tuple[set[str], dict[str, Any]],
) -> None:
    _, entities = packed
    cohort = entities["#job-build_cohort"]
    assert cohort["@type"] == "CreateAction"
    assert cohort["instrument"] == {"@id": "workflow/scripts/build_cohort.py"}
    assert cohort["result"] == {"@id": "#cohort/eligible.csv"}
    given = entities[cohort["object"]["@id"]]
    assert (given["@type"], given["name"], len(given["value"])) == ("PropertyValue", "cases", 64)
    assert entities["#job-fit_models"]["object"] == {"@id": "#cohort/eligible.csv"}
    # A rule that takes another's script has no file of its own.
    assert entities[entities["#job-draw_case"]["instrument"]["@id"]]["name"] == "draw_case"
    steps = {step["@id"] for step in entities["Snakefile"]["step"]}
    assert steps == {"#step-build_cohort", "#step-fit_models", "#step-draw_case"}
    controls = {action["@id"] for action in entities["#orchestration"]["object"]}
    assert controls == {f"#control-{name}" for name in ("build_cohort", "fit_models", "draw_case")}
    assert entities["ro-crate-metadata.json"]["conformsTo"] is not None


def test_a_study_that_left_nothing_is_told(place: Path) -> None:
    with pytest.raises(StudyError, match="run the study"):
        crate.pack(RESULTS, study_config(), house=HOUSE)
