import runpy
from pathlib import Path
from types import SimpleNamespace

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
SUFFIXES = ("png", "pdf", "svg")


def run(name, folder, **parts):
    snakemake = SimpleNamespace(log=[str(folder / "log")], **parts)
    runpy.run_path(str(SCRIPTS / f"{name}.py"), init_globals={"snakemake": snakemake})


def files(folder, stem):
    return {suffix: str(folder / f"{stem}.{suffix}") for suffix in SUFFIXES}


def test_draw_probabilities_writes_three_formats_of_each_figure(fake, tmp_path):
    paths = fake["make"](tmp_path)
    parts = {part: paths[f"calibration_{part}"] for part in ("curve", "groups", "histogram")}
    given = {name: paths[name] for name in ("calibration", "net_benefit")} | parts
    out = {name: list(files(tmp_path, name).values()) for name in ("calibration", "net_benefit")}
    asked = {"models": fake["MODELS"], "labels": fake["LABELS"], "confidence": 0.95}
    params = SimpleNamespace(config=asked)
    run("draw_probabilities", tmp_path, input=given, output=out, params=params)
    assert all(Path(path).stat().st_size > 1000 for paths in out.values() for path in paths)


def test_draw_cohort_writes_every_figure_it_names(fake, tmp_path):
    paths = fake["make"](tmp_path)
    out = list(files(tmp_path, "flow").values())
    run("draw_cohort", tmp_path, input=SimpleNamespace(flow=str(paths["flow"])), output=out)
    assert all(Path(path).stat().st_size > 1000 for path in out)
