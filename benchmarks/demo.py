"""The whole demo: cold, against the same work without a DAG, and after the changes people make.

Everything happens in a copy of the workflow in a temporary folder. `python benchmarks/demo.py tiny`
measures the tests' study of 48 cases instead, in a few minutes.
"""

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
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
IDLE_RUNS = 3

Rows = Iterator[dict[str, str]]


@dataclass(frozen=True)
class Copy:
    """A copy of the workflow with a study in it."""

    folder: Path
    config: Path

    def snakemake(self) -> tuple[timing.Watched, list[str]]:
        """Bring the study up to date; return how that went, and the rule of every job."""
        command = [sys.executable, "-m", "snakemake", "--cores", str(CORES)]
        if self.config.name != "config.yaml" or self.config.parent != self.folder:
            command += ["--configfile", str(self.config)]
        went = timing.watch(command, cwd=self.folder, env=self.environment)
        return went, [local or other for other, local in FINISHED.findall(went.output)]

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


def rows(layout: Callable[[Path], Copy] | None = None) -> Rows:
    """Yield what `make bench` prints of the whole demo."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = (layout or lay_out_demo)(Path(temporary, "workflow"))
        name = copy.settings["study"]
        straight_s = _straight(copy, Path(temporary))
        cold, jobs = copy.snakemake()
        yield {
            "what": f"whole {name} study, cold, {len(jobs) - 1} jobs",
            "against": "the same work as one Python process",
            "goal": "at most 1.25 times the time",
            "met": timing.verdict(cold.seconds <= 1.25 * straight_s),
            "ratio": f"{cold.seconds / straight_s:.2f} times the time",
            "absolute": f"{cold.seconds:.0f} against {straight_s:.0f} s, one turn; "
            f"at most {cold.peak_gib:.1f} GiB",
        }
        idle = []
        for _ in range(IDLE_RUNS):
            went, jobs = copy.snakemake()
            idle.append(went.seconds)
        idle_s = statistics.median(idle)
        yield {
            "what": f"{name} study, no change",
            "against": "",
            "goal": "at most 5 s, no job",
            "met": timing.verdict(idle_s <= 5 and not jobs),
            "ratio": f"{idle_s / cold.seconds:.3f} of a cold run",
            "absolute": f"{idle_s:.1f} s",
        }
        changes: tuple[tuple[str, Callable[[Copy], None], float | None], ...] = (
            ("a figure's style changed", restyle, 0.10),
            ("a label's wording changed", reword, 0.10),
            ("one case's label corrected", relabel, None),
            ("one DICOM changed", repaint, 0.15),
        )
        for what, change, goal in changes:
            change(copy)
            yield _after(copy, name, what, cold.seconds, goal)


def _after(copy: Copy, name: str, what: str, cold_s: float, goal: float | None) -> dict[str, str]:
    went, jobs = copy.snakemake()
    slow = [job for job in jobs if job in SLOW_ROOMS]
    share = went.seconds / cold_s
    is_image = what == "one DICOM changed"
    fine = share <= (goal or np.inf) and (is_image or not slow)
    return {
        "what": f"{name} study, {what}",
        "against": "cold run",
        "goal": (f"at most {goal}" if goal else "")
        + ("" if is_image else ", no image or feature job" if goal else "no image or feature job"),
        "met": timing.verdict(fine),
        "ratio": f"{share:.3f}",
        "absolute": f"{went.seconds:.1f} s: {len(jobs)} jobs, "
        f"{len(slow)} of them image or feature jobs",
    }


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


def _straight(copy: Copy, temporary: Path) -> float:
    """Return the seconds of the same work without a DAG, in a folder of its own."""
    other = shutil.copytree(copy.folder, temporary / "straight")
    recorded = temporary / "jobs"
    config = str(copy.config) if copy.config.name != "config.yaml" else ""
    straight = [sys.executable, str(HERE / "straight.py")]
    snakefile = str(copy.folder / "Snakefile")
    asked = ["record", str(recorded), snakefile, str(other), config, str(CORES)]
    timing.watch([*straight, *asked], cwd=other, env=copy.environment)
    return timing.watch([*straight, "run", str(recorded)], cwd=other, env=copy.environment).seconds


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
    """Change a few pixels of one mammogram."""
    folder = copy.folder / copy.settings["cohort"]["image_folder"]
    path = sorted(folder.glob("*.dcm"))[0]
    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    pixels = dataset.pixel_array.copy()
    pixels[:4, :4] ^= 1
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path)


if __name__ == "__main__":
    for row in rows(lay_out_tiny if sys.argv[1:] == ["tiny"] else None):
        print("; ".join(row.values()), flush=True)
