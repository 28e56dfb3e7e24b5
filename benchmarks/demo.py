"""The whole demo: cold, against the same work without a DAG, and after the changes people make.

Everything happens in a copy of the workflow in a temporary folder. `python benchmarks/demo.py tiny`
measures the tests' study of 48 cases instead, in a few minutes.
"""

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import timing
import yaml

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
CORES = 2
SLOW_ROOMS = ("simulate_shard", "extract_patches", "extract_features", "prepare_weights")
FINISHED = re.compile(r"^rule (\w+):|^localrule (\w+):", re.MULTILINE)
TURNS = 3
STRAIGHT, COLD, IDLE = "straight", "cold", "no change"


@dataclass(frozen=True)
class Run:
    """What one run took, and the rule of each of its jobs."""

    seconds: float
    peak_gib: float
    jobs: tuple[str, ...]

    @property
    def slow(self) -> list[str]:
        """Its image and feature jobs."""
        return [job for job in self.jobs if job in SLOW_ROOMS]


Turn = Mapping[str, Run]


@dataclass(frozen=True)
class Copy:
    """A copy of the workflow with a study in it."""

    folder: Path
    config: Path

    def snakemake(self) -> Run:
        """Bring the study up to date."""
        command = [sys.executable, "-m", "snakemake", "--cores", str(CORES)]
        if self.further_config:
            command += ["--configfile", self.further_config]
        return self.run(command)

    def straight(self) -> Run:
        """Do the study's work without a DAG; Snakemake, asked what that is, is not counted."""
        script, jobs = [sys.executable, str(HERE / "straight.py")], str(self.folder / "jobs")
        asked = [str(self.folder / "Snakefile"), str(self.folder), self.further_config, str(CORES)]
        self.run([*script, "record", jobs, *asked])
        return self.run([*script, "run", jobs])

    def run(self, command: Sequence[str]) -> Run:
        """Run a program in the copy."""
        went = timing.watch(command, cwd=self.folder, env=self.environment)
        jobs = tuple(local or other for other, local in FINISHED.findall(went.output))
        return Run(went.seconds, went.peak_gib, jobs)

    @property
    def further_config(self) -> str:
        """The config, where it is none that Snakemake finds by itself."""
        return "" if self.config.name == "config.yaml" else str(self.config)

    @property
    def environment(self) -> dict[str, str]:
        """Of the copied package, not the one that is installed."""
        return {"PYTHONPATH": str(self.folder / "workflow" / "src"), "NO_COLOR": "1"}

    @property
    def settings(self) -> dict:
        """The config as it is now."""
        return yaml.safe_load(self.config.read_text(encoding="utf-8"))

    def configure(self, change: Callable[[dict], None]) -> None:
        """Change the config."""
        settings = self.settings
        change(settings)
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        self.config.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Change:
    """What people change in a finished study, and the share of a cold run it may take."""

    what: str
    make: Callable[[Copy], None]
    goal: float | None
    of_image: bool = False


def rows(study: str = "demo") -> Iterator[dict[str, str]]:
    """Yield what `make bench` prints of the whole demo, or of another of `STUDIES`."""
    turns = [_turn(STUDIES[study], turn) for turn in range(TURNS)]
    cold, straight, idle = (_of_all(turns, what) for what in (COLD, STRAIGHT, IDLE))
    share = _share(turns, COLD, STRAIGHT)
    yield {
        "what": f"whole {study} study, cold, {len(cold.jobs) - 1} jobs",
        "against": "the same work as one Python process",
        "goal": "at most 1.25 times the time",
        "met": timing.verdict(share <= 1.25),
        "ratio": f"{share:.2f} times the time",
        "absolute": f"{cold.seconds:.0f} against {straight.seconds:.0f} s; "
        f"at most {cold.peak_gib:.1f} GiB",
    }
    yield {
        "what": f"{study} study, {IDLE}",
        "against": "cold run",
        "goal": "at most 5 s, no job",
        "met": timing.verdict(idle.seconds <= 5 and not idle.jobs),
        "ratio": f"{_share(turns, IDLE, COLD):.3f}",
        "absolute": f"{idle.seconds:.1f} s",
    }
    for change in CHANGES:
        yield _after(change, study, turns)


def _after(change: Change, study: str, turns: Sequence[Turn]) -> dict[str, str]:
    """Return the row of a run after a change."""
    share, run = _share(turns, change.what, COLD), _of_all(turns, change.what)
    goals = [f"at most {change.goal}"] if change.goal else []
    goals += [] if change.of_image else ["no image or feature job"]
    fine = share <= (change.goal or np.inf) and (change.of_image or not run.slow)
    return {
        "what": f"{study} study, {change.what}",
        "against": "cold run",
        "goal": ", ".join(goals),
        "met": timing.verdict(fine),
        "ratio": f"{share:.3f}",
        "absolute": f"{run.seconds:.1f} s: {len(run.jobs)} jobs, "
        f"{len(run.slow)} of them image or feature jobs",
    }


def _share(turns: Sequence[Turn], of: str, to: str) -> float:
    """Return the median of the turns' own ratios."""
    return timing.ratio([(turn[of].seconds, turn[to].seconds) for turn in turns], 0, 1)


def _of_all(turns: Sequence[Turn], what: str) -> Run:
    """Return the median time, the highest peak and the most jobs of all turns."""
    runs = [turn[what] for turn in turns]
    return Run(
        statistics.median(run.seconds for run in runs),
        max(run.peak_gib for run in runs),
        max((run.jobs for run in runs), key=len),
    )


def _turn(layout: Callable[[Path], Copy], turn: int) -> Turn:
    """Return every run, in folders of its own; who begins changes from turn to turn."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = layout(Path(temporary, "workflow"))
        other = shutil.copytree(copy.folder, Path(temporary, STRAIGHT))
        without = Copy(other, other / copy.config.name)
        runs = {STRAIGHT: without.straight, COLD: copy.snakemake}
        found = {what: runs[what]() for what in timing.in_turn(tuple(runs), turn)}
        found[IDLE] = copy.snakemake()
        for change in CHANGES:
            change.make(copy)
            found[change.what] = copy.snakemake()
    return found


def lay_out_demo(folder: Path) -> Copy:
    """Copy the workflow with the demo in it."""
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        ROOT / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "envs", folder / "envs")
    return Copy(folder, folder / "config.yaml")


def lay_out_tiny(folder: Path) -> Copy:
    """Copy the workflow with the tests' tiny study in it."""
    sys.path.insert(0, str(ROOT))
    from tests.workflow.tiny import lay_out

    lay_out_demo(folder)
    (folder / "config.yaml").unlink()
    lay_out(folder)
    (folder / "config.yaml").rename(folder / "tiny.yaml")
    return Copy(folder, folder / "tiny.yaml")


def restyle(copy: Copy) -> None:
    """Change how every figure looks."""
    style = copy.folder / "workflow" / "src" / "microcalc" / "figures" / "style.py"
    text = style.read_text(encoding="utf-8")
    if "COLUMN_MM = 85.0" not in text:
        raise RuntimeError("figures.style has no COLUMN_MM = 85.0 to change any more")
    style.write_text(text.replace("COLUMN_MM = 85.0", "COLUMN_MM = 86.0"), encoding="utf-8")


def reword(copy: Copy) -> None:
    """Change what a clinical variable is called in tables and figures."""

    def change(settings: dict) -> None:
        settings["clinical"]["age"]["label"] = "Age at diagnosis"

    copy.configure(change)


def relabel(copy: Copy) -> None:
    """Correct the label of one case."""
    table = copy.folder / copy.settings["cohort"]["cases"]
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if ",DCIS," in line)
    lines[place] = lines[place].replace(",DCIS,", ",IDC,")
    table.write_text("".join(lines), encoding="utf-8")


def repaint(copy: Copy) -> None:
    """Change every pixel of one mammogram, a little."""
    folder = copy.folder / copy.settings["cohort"]["image_folder"]
    path = sorted(folder.glob("*.dcm"))[0]
    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.PixelData = (dataset.pixel_array ^ 1).tobytes()
    dataset.save_as(path)


CHANGES = (
    Change("a figure's style changed", restyle, 0.10),
    Change("a label's wording changed", reword, 0.10),
    Change("one case's label corrected", relabel, None),
    Change("one DICOM changed", repaint, 0.15, of_image=True),
)


STUDIES = {"demo": lay_out_demo, "tiny": lay_out_tiny}


if __name__ == "__main__":
    for row in rows(*sys.argv[1:]):
        print("; ".join(row.values()), flush=True)
