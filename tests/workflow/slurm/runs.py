"""The tiny study's runs through SLURM, and what they leave."""

import re
from dataclasses import dataclass

from tests.workflow.slurm.cluster import Cluster
from tests.workflow.tiny import ROOT, Study

PROFILES = ROOT / "workflow" / "profiles"
# The profile as it is, but for its patience, which is measured for clusters of many nodes.
ON_SLURM = (
    *("--workflow-profile", str(PROFILES / "slurm")),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"),
)
RULE = re.compile(r"rule_(\w+?)(?:_wildcards_.*)?")
RUN = re.compile(r"SLURM run ID: (\S+)")


@dataclass(frozen=True)
class Run:
    """What became of a run of Snakemake: its study, its console, its jobs as SLURM tells them."""

    study: Study
    console: str
    jobs: list[dict[str, str]]

    def of(self, comment: str) -> list[dict[str, str]]:
        """Return the attempts at one job: Snakemake comments it with its rule and wildcards."""
        return [job for job in self.jobs if job["Comment"] == comment]

    def of_rule(self, name: str) -> list[dict[str, str]]:
        return [job for rule, job in zip(self.rules, self.jobs, strict=True) if rule == name]

    @property
    def rules(self) -> list[str]:
        return [RULE.fullmatch(job["Comment"])[1] for job in self.jobs]  # type: ignore[index]


def ended(cluster: Cluster, study: Study, console: str) -> Run:
    return Run(study, console, cluster.jobs(run_id(console)))


def run_id(console: str) -> str:
    return RUN.findall(console)[-1]
