import runpy
from pathlib import Path
from types import SimpleNamespace

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
SUFFIXES = ("png", "pdf", "svg")


class Named(list):
    """A list with attributes, as Snakemake's outputs are."""

    def __init__(self, **named):
        super().__init__(named.values())
        self.__dict__.update(named)


def run(name, folder, **parts):
    snakemake = SimpleNamespace(log=[str(folder / "log")], **parts)
    runpy.run_path(str(SCRIPTS / f"{name}.py"), init_globals={"snakemake": snakemake})


def files(folder, stem):
    return {suffix: str(folder / f"{stem}.{suffix}") for suffix in SUFFIXES}


def test_draw_roc_writes_three_formats_of_each_split(fake, tmp_path):
    paths = fake["make"](tmp_path)
    out = {
        split: list(files(tmp_path, f"roc_{split}").values()) for split in ("internal", "external")
    }
    run(
        "draw_roc",
        tmp_path,
        input=SimpleNamespace(predictions=paths["predictions"], metrics=paths["metrics"]),
        output=out,
        params=SimpleNamespace(
            config={
                "models": fake["MODELS"],
                "labels": fake["LABELS"],
                "confidence": 0.95,
                "seed": 1,
            }
        ),
    )
    assert all(Path(path).stat().st_size > 1000 for paths in out.values() for path in paths)


def test_draw_cohort_writes_every_figure_it_names(fake, tmp_path):
    paths = fake["make"](tmp_path)
    out = list(files(tmp_path, "flow").values())
    run("draw_cohort", tmp_path, input=SimpleNamespace(flow=str(paths["flow"])), output=out)
    assert all(Path(path).stat().st_size > 1000 for path in out)
