import math

import pytest

from microcalc.report import run_times


def test_jobs_of_a_rule_are_added_up(tmp_path):
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "0.tsv").write_text("s\th:m:s\tmax_rss\n10.5\t0:00:10\t900.1\n")
    (tmp_path / "extract" / "1.tsv").write_text("s\th:m:s\tmax_rss\n20\t0:00:20\t-\n")
    (tmp_path / "predict.tsv").write_text("s\th:m:s\tmax_rss\n0.4\t0:00:00\tNA\n")
    times = run_times.read(tmp_path)
    assert times["extract"] == run_times.RunTime(2, 30.5, 20, 900.1)
    assert math.isnan(times["predict"].memory_mb)


def test_times_stand_in_the_order_of_the_rooms_and_then_by_name():
    took = run_times.RunTime(1, 2.0, 2.0, 300.0)
    rooms = {"images": ["gather", "extract"], "features": ["adapt"], "cohort": ["build"]}
    times = dict.fromkeys(["build", "extract", "gather", "renamed_since"], took)
    found = run_times.by_room(times, rooms)
    assert [(room, [*rules]) for room, rules in found.items()] == [
        ("images", ["extract", "gather"]),
        ("cohort", ["build"]),
    ]


def test_a_study_without_times_has_none(tmp_path):
    assert run_times.read(tmp_path / "not there") == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (42, "42 s"), (59.7, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_durations_are_for_people(seconds, text):
    assert run_times.spoken(seconds) == text
