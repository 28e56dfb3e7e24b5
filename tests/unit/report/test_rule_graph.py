import re
from pathlib import Path
from xml.etree import ElementTree

import yaml

from microcalc.report import rule_graph
from microcalc.report.run_times import RunTime

WORKFLOW = Path(__file__).parents[3] / "workflow"
ROOMS = {
    "cohort": {"build": []},
    "images": {"extract": ["build"], "gather": ["build", "extract"]},
    "report": {"write": ["build", "gather", "optional"], "optional": ["extract"]},
}


def test_an_arrow_that_a_longer_way_implies_is_left_out():
    graph = rule_graph.of_study(ROOMS, {}, always=())
    assert graph.arrows() == [
        ("build", "extract"),
        ("extract", "gather"),
        ("gather", "write"),
        ("optional", "write"),
        ("extract", "optional"),
    ]


def test_a_rule_that_did_not_run_is_left_out_with_its_arrows():
    times = {name: RunTime(1, 1.0, 1.0, 1.0) for name in ("build", "extract", "gather")}
    graph = rule_graph.of_study(ROOMS, times, always=("write",))
    assert "optional" not in graph.rooms["report"]
    assert graph.rooms["report"]["write"] == ("build", "gather")


def test_the_picture_names_every_rule_with_its_jobs_and_time():
    times = {"extract": RunTime(4, 75.2, 30.0, 1.0)}
    drawn = rule_graph.draw(rule_graph.of_study(ROOMS, times, always=tuple(ROOMS["report"])))
    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.text]  # noqa: S314 - made here
    assert {"write", "optional", "extract", "4 jobs, 1 min 15 s", "images"} <= set(texts)


def test_the_pages_list_of_rules_is_that_of_the_rule_files():
    listed = yaml.safe_load((WORKFLOW / "report" / "rules.yaml").read_text())
    # An ingest comes before a study, and an application of models has a page of its own.
    others = {WORKFLOW / "rules" / f"{name}.smk" for name in ("ingest", "apply")}
    for file in sorted({*(WORKFLOW / "rules").glob("*.smk")} - others):
        rules = re.findall(r"^(?:rule |use rule \w+ as )(\w+)", file.read_text(), re.M)
        # A check of the tables makes nothing, a frozen split is the user's.
        makers = sorted({*rules} - {"check", "freeze_split"})
        assert makers == sorted(listed.get(file.stem, {})), file.name
