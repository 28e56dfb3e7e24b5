import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "src")))

from microcalc import planning, settings
from microcalc.cohort.split import SPLITS
from microcalc.errors import StudyError
from microcalc.images import farewell


def told_plainly(function, *arguments):
    """Return what `function` returns; a StudyError reaches the console without a traceback."""
    try:
        return function(*arguments)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


SCHEMAS = Path(workflow.basedir, "workflow", "schemas")

config = told_plainly(
    settings.complete, config, settings.read_schema(SCHEMAS / "config.yaml")
)
SHARDS = range(config["images"]["shards"])


def in_study(path):
    return f"results/{config['study']}/{path}"


def log_of(name):
    return in_study(f"logs/{name}.log")


def schema(name):
    return str(SCHEMAS / f"{name}.yaml")


def code(script):
    return planning.code_digest(
        str(Path(workflow.basedir, "workflow", "scripts", f"{script}.py"))
    )


def shard_rows(shard):
    tables = config["cohort"]["cases"], config["cohort"]["images"]
    return told_plainly(planning.shard_rows, *tables, int(shard), len(SHARDS))


def shard_file(shard):
    return in_study(f"images/shard-{shard}.npz")


def made_from(shard):
    """Return the digest of all that a shard of patches is made from."""
    return planning.shard_digest(
        shard_rows(shard),
        config["cohort"]["image_folder"],
        config["images"],
        code("extract_patches"),
    )


def shard_digest(wildcards):
    return made_from(wildcards.shard)


def checked_cohort(wildcards):
    """Return the checked table that a shard waits for, without being made again with it.

    Once a job is to run, Snakemake asks no job behind it for reasons of its own, not even one
    that is kept apart by `ancient`. So a shard that is out of date waits in the plain way.
    """
    eligible = in_study("cohort/eligible.csv")
    current = planning.is_up_to_date(
        shard_file(wildcards.shard), made_from(wildcards.shard)
    )
    return ancient(eligible) if current else eligible


def phantom_digest(wildcards):
    tables = config["cohort"]["cases"], config["simulate"]["phantoms"]
    rows = told_plainly(planning.shard_rows, *tables, int(wildcards.shard), len(SHARDS))
    return planning.rows_digest(rows)


def given_weights():
    """Return the user's weights file; nothing where the weights are fetched or generated."""
    weights = config["features"]["weights"]
    return [] if re.fullmatch(r"random|IMAGENET\w+", weights) else [weights]


def simulated_shard(wildcards):
    """Return the manifest of a shard's simulated files; none in a study of real patients."""
    manifest = in_study(f"simulate/shard-{wildcards.shard}.json")
    return [manifest] if "simulate" in config else []


def page_template():
    return str(Path(workflow.basedir, "workflow", "report", "page.html.j2"))


def page_files():
    """Return every file that the page's text is made from."""
    files = Path(page_template()).parent.rglob("*")
    return sorted(str(path) for path in files if path.is_file())


def refuse_missing_images():
    if "simulate" not in config:
        rows = [row for shard in SHARDS for row in shard_rows(shard)]
        told_plainly(
            planning.refuse_missing_images, rows, config["cohort"]["image_folder"]
        )


def tell_excluded_images():
    lines = farewell.lines(in_study("images/qc.csv"))
    sys.stderr.writelines(f"{line}\n" for line in lines)


def refuse_forgotten_changes():
    for shard in SHARDS:
        told_plainly(
            planning.refuse_forgotten_change, shard_file(shard), made_from(shard)
        )


def tell_summary():
    summary, page = Path(in_study("report/summary.md")), in_study("report/report.html")
    if summary.exists():
        print(f"\n{summary.read_text(encoding='utf-8')}\nThe whole report: {page}")


if workflow.is_main_process:
    refuse_forgotten_changes()


wildcard_constraints:
    shard=r"\d+",
    split="|".join(SPLITS),
    model="|".join(config["models"]),
