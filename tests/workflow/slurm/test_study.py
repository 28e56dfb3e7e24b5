"""The whole tiny study through a real SLURM, by the profile that users are given."""

import re
from collections import Counter

import pytest

from tests.workflow.slurm.runs import PROFILES, Run
from tests.workflow.tiny import Study, different, results

pytestmark = pytest.mark.slurm

PER_SHARD = {"simulate_shard", "extract_patches", "extract_features", "draw_gallery"}
SHARDS = 3


def test_slurm_gives_the_same_bytes_as_this_machine(submitted: Run, finished: Study) -> None:
    here, there = results(finished), results(submitted.study)
    assert len(here) > 100
    assert different(here, there) == []


def test_every_job_ended_well_at_its_first_attempt(submitted: Run) -> None:
    assert {job["JobState"] for job in submitted.jobs} == {"COMPLETED"}
    assert len({job["Comment"] for job in submitted.jobs}) == len(submitted.jobs)


def test_only_the_rules_that_run_a_network_ask_for_a_gpu(submitted: Run) -> None:
    asking = {
        rule
        for rule, job in zip(submitted.rules, submitted.jobs, strict=True)
        if any("gpu" in value for key, value in job.items() if key.startswith("Tres"))
    }
    assert asking == {"extract_features", "compute_saliency"}
    partitions = {
        rule: job["Partition"] for rule, job in zip(submitted.rules, submitted.jobs, strict=True)
    }
    assert {rule for rule, partition in partitions.items() if partition == "gpu"} == asking


def test_jobs_follow_the_shards_and_not_the_cases(submitted: Run) -> None:
    counts = Counter(submitted.rules)
    assert {rule: counts.pop(rule) for rule in PER_SHARD} == dict.fromkeys(PER_SHARD, SHARDS)
    # Two blocks of refits go as one job; light rules run beside Snakemake.
    assert counts == dict.fromkeys(
        (
            *("prepare_weights", "select_features", "audit_study", "evaluate_models"),
            *("assess_probabilities", "compute_saliency", "refits_refit_chain"),
        ),
        1,
    )


def test_more_shards_are_more_jobs(study: Study) -> None:
    study.configure(lambda config: config["images"].update(shards=SHARDS + 2))
    planned = study.planned("--workflow-profile", str(PROFILES / "slurm"))
    assert {planned[rule] for rule in PER_SHARD} == {SHARDS + 2}


def test_jobs_ask_for_what_the_readme_says(submitted: Run) -> None:
    said = {}
    for line in (PROFILES / "README.md").read_text().splitlines():
        if line.startswith("| `") and line.count("|") == 6:
            names, _, memory, minutes, cores, _ = line[1:].split("|")
            for rule in re.findall(r"`(\w+)`", names):
                said[rule] = memory.strip(), minutes.strip(), cores.strip()
    asked = {
        rule: (
            f"{int(job['MinMemoryNode'].removesuffix('M')) / 1000:g}",
            str(in_minutes(job["TimeLimit"])),
            job["CPUs/Task"],
        )
        for rule, job in zip(submitted.rules, submitted.jobs, strict=True)
        if rule != "refits_refit_chain"
    }
    assert said.pop("refit_chain") == ("40 for ten", "120", "10")
    # No set of the tiny study is measured without torch.
    assert said.pop("measure_images") == said["extract_features"]
    assert asked == said


def in_minutes(limit: str) -> int:
    hours, minutes, _ = limit.split(":")
    return 60 * int(hours) + int(minutes)


def test_no_name_of_a_job_tells_of_a_patient(submitted: Run) -> None:
    tables = [(submitted.study.folder / f"{name}.csv").read_text() for name in ("cases", "images")]
    ids = {line.partition(",")[0] for table in tables for line in table.splitlines()}
    words = {word for job in submitted.jobs for word in job["Comment"].split("_")}
    assert not ids & words
