import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "src")))

from microcalc import networks, planning, sections, settings, stability
from microcalc.apply import study as applied_study
from microcalc.cohort.split import SPLITS
from microcalc.errors import StudyError
from microcalc.evaluation import blocks, mapped
from microcalc.files import sweep_up
from microcalc.images import farewell
from microcalc.ingest import asked as ingest
from microcalc.models import handover
from microcalc.published_weights import is_published


class Refusal(WorkflowError):
    """What a person must read, with nothing below it.

    Below any other error Snakemake prints which lines of code it came through.
    """

    __traceback__ = property(lambda self: None, lambda self, lines: None)


def told_plainly(function, *arguments):
    """Return what `function` returns; a StudyError ends the console with its message."""
    try:
        return function(*arguments)
    except StudyError as error:
        raise Refusal(str(error)) from None


def is_asked_for(target):
    """Return whether the user named this target; Snakemake itself knows it only later."""
    return workflow.is_main_process and target in sys.argv


SCHEMAS = Path(workflow.basedir, "workflow", "schemas")

INGEST = ingest.taken_out(config)

# A key that stands twice is lost before anybody can miss it.
if workflow.is_main_process:
    for file in workflow.configfiles:
        told_plainly(settings.refuse_repeated_keys, file)

# `snakemake check` lists what is wrong with the config together with all else that is wrong.
if is_asked_for("check"):
    from microcalc import checking

    told_plainly(checking.refuse_problems, config, SCHEMAS)

# `snakemake apply` names frozen models and a cohort; everything else is the models' own study's.
APPLIED = (
    told_plainly(applied_study.of, config) if applied_study.is_asked(config) else None
)
config = told_plainly(
    settings.complete,
    APPLIED.config if APPLIED else config,
    settings.read_schema(SCHEMAS / "config.yaml"),
)
if is_asked_for("apply") and not APPLIED:
    raise Refusal(
        "apply needs to know what to apply to whom: snakemake apply --cores all --config "
        "models=<results folder of a study> cohort=<folder with cases.csv and images.csv>"
    )
# Where frozen models are applied, no rule that fits is there to be run; an ingest has no study.
STUDY = (
    *("simulate", "cohort", "images", "features", "finetune"),
    *("selection", "models", "evaluation", "figures", "report", "ingest"),
)
APPLICATION = ("images", "features", "evaluation", "figures", "apply")
ROOMS = ("ingest",) if INGEST.collection else APPLICATION if APPLIED else STUDY
# Without labels nothing of a cohort is evaluated.
LABELLED = APPLIED and told_plainly(
    applied_study.labelled, config["cohort"]["cases"], config["labels"]
)
PSEUDONYM = r"[A-Za-z0-9][A-Za-z0-9._-]*"
SHARDS = range(config["images"]["shards"])
MEMBERS = networks.members_of(config)
# The folders of the networks whose features models take, and of those that a refit can use again.
AT_WORK, REFITTABLE = networks.at_work(config), networks.refittable(config)
SALIENCY_MODEL = mapped.model(config)
REDRAWS = range(config["features"]["stability"]["perturbations"])
CHOOSES = networks.must_choose(config) and not APPLIED
OTHER_READERS = config["features"]["stability"]["readers"]


def in_study(path):
    return f"results/{config['study']}/{path}"


def log_of(name):
    return in_study(f"logs/{name}.log")


def time_of(name):
    return in_study(f"history/times/{name}.tsv")


def tuned_weights(member):
    """Return what a fine-tuned network's weights are prepared from."""
    if APPLIED:
        return prepared_in_frozen(f"finetuned/{member}/")
    return in_study(f"features/finetuned/{member}.safetensors")


def prepared_in_frozen(network):
    backbone = config["features"]["backbone"]
    return APPLIED.file(f"features/{network}weights/{backbone}.safetensors")


def trained_weights(wildcards):
    return tuned_weights(wildcards.member)


NETWORKS = networks.settings(config, tuned_weights)


def one_of(names):
    """Return a wildcard's constraint: any of these networks, the study's own by its empty name."""
    return f"(?:{'|'.join(names)})"


def where(asked, *paths):
    """Return files of results where they are asked for, else nothing."""
    return [in_study(path) for path in paths if asked]


def per_attempt(amount):
    """Return a resource that a job's second attempt has twice, and its third three times."""
    return lambda wildcards, attempt: amount * attempt


def schema(name):
    return str(SCHEMAS / f"{name}.yaml")


def code(script):
    """Return a param that changes with a script and with all it imports from the package.

    A function, since a job on a cluster reads every rule but needs its own rule's digest alone.
    """
    return lambda wildcards: code_digest(script)


def code_digest(script):
    return planning.code_digest(
        str(Path(workflow.basedir, "workflow", "scripts", f"{script}.py"))
    )


def contents_of(*names):
    """Return a param that changes with the content of the study's tables, whatever their time."""
    paths = [config["cohort"][name] for name in names]
    return lambda wildcards: planning.tables_digest(*paths)


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
        code_digest("extract_patches"),
    )


def shard_digest(wildcards):
    return made_from(wildcards.shard)


def checked_cohort(wildcards):
    """Return the checked table that a shard waits for, without being made again with it.

    Once a job is to run, Snakemake asks no job behind it for reasons of its own, not even one
    that is kept apart by `ancient`. So a shard that is out of date waits in the plain way.
    """
    eligible = in_study("cohort/eligible.csv")
    shard = wildcards.shard
    current = planning.is_up_to_date(shard_file(shard), lambda: made_from(shard))
    return ancient(eligible) if current else eligible


def phantom_digest(wildcards):
    tables = config["cohort"]["cases"], config["simulate"]["phantoms"]
    rows = told_plainly(planning.shard_rows, *tables, int(wildcards.shard), len(SHARDS))
    return planning.rows_digest(rows)


def network_of(wildcards):
    return networks.of_model(config, wildcards.model)


def of_network(path):
    """Return an input function for a file of the network that a rule's {model} takes."""

    def file(wildcards):
        return in_study(path.format(network=network_of(wildcards)))

    return file


def heads_file():
    """Return the heads of the fine-tuned networks; those of the study that froze the models."""
    return prepared_in_frozen("finetuned/") if APPLIED else weights_file("finetuned/")


def weights_of(wildcards):
    return NETWORKS[wildcards.network]["weights"]


def weights_source(wildcards):
    """Return what the weights are prepared from; nothing where they are generated."""
    weights = weights_of(wildcards)
    if weights == "random":
        return []
    if is_published(weights):
        fetched = "features/{network}weights/{backbone}.fetched.json"
        return [in_study(fetched.format(**wildcards))]
    return [weights]


def weights_file(network=""):
    backbone = NETWORKS[network]["backbone"]
    return in_study(f"features/{network}weights/{backbone}.safetensors")


def prepared_weights(wildcards):
    return weights_file(wildcards.network)


def weights_of_model(wildcards):
    """Return the weights whose features or, with their heads, whose scores a model takes."""
    network = network_of(wildcards)
    if network == "finetuned/":
        return heads_file()
    whole = f"finetuned/{networks.WHOLE}/"
    return weights_file(whole if network == "finetuned_lasso/" else network)


def adapted_weights_of_model(wildcards):
    """Return the adapted weights whose features a model takes; nothing without adaptation."""
    return [path.format(network=network_of(wildcards)) for path in ADAPTED]


ADAPTED = where(
    config["features"]["harmonize"] == "adabn", "features/{network}adapted.safetensors"
)


def extraction_threads(wildcards):
    """Return each shard's share of this machine's cores; a cluster's profile sets its own."""
    return max(1, workflow.cores // len(SHARDS))


def extraction_settings(wildcards):
    return sections.extraction(NETWORKS[wildcards.network], config["images"])


def preprocessing(wildcards):
    """Return the settings that a frozen model's features depend on, to be frozen with it."""
    return sections.preprocessing(NETWORKS[network_of(wildcards)], config["images"])


def pooling(wildcards):
    return NETWORKS[wildcards.network]["pool_views"]


def reader_settings(wildcards):
    return stability.of_reader(config, wildcards.reader)


def redrawn_features():
    """Return a network's features from regions drawn otherwise; none without stability."""
    perturbed = where(REDRAWS, "features/{network}perturbed.parquet")
    return perturbed + where(OTHER_READERS, "features/{network}other_readers.parquet")


def simulated_shard(wildcards):
    """Return the manifest of a shard's simulated files; none in a study of real patients."""
    return where("simulate" in config, f"simulate/shard-{wildcards.shard}.json")


def page_template(name="page"):
    return str(Path(workflow.basedir, "workflow", "report", f"{name}.html.j2"))


def page_texts():
    """Return a digest of every file that the report's text is made from."""
    return planning.folder_digest(str(Path(page_template()).parent))


def replicates(wildcards):
    """Return which replicates a block holds."""
    design, block = wildcards.design, int(wildcards.block)
    return blocks.replicates(config["evaluation"], design, block)


def parts_of(design, suffix=""):
    """Return the files of all blocks of a design; none where it is off."""
    numbers = blocks.numbers(config["evaluation"], design)
    return [in_study(f"evaluation/parts/{design}-{n}{suffix}.csv") for n in numbers]


def in_frozen(*paths):
    """Return files of the study that froze the models."""
    return [APPLIED.file(path) for path in paths]


def mapped_case(wildcards):
    """Return the figure of a case's maps; nothing where no map adds up to a score."""
    return where(SALIENCY_MODEL, f"figures/case-{wildcards.case}/case_map.svg")


def finished(wildcards):
    """Return what a run leaves last: the report of a study, or of frozen models on a cohort."""
    if APPLIED:
        pages = [in_study(f"report/case-{APPLIED.case}.html")] if APPLIED.case else []
        return [*rules.predict_cohort.output, *rules.write_cohort.output, *pages]
    written = [*rules.write_report.output, *rules.write_manuscript.output]
    return [*written, *rules.freeze_study.output]


def refuse_to_start():
    """Stop before any job where something is missing, or would be written over."""
    if INGEST.collection:
        told_plainly(INGEST.refuse_to_write_over)
        return
    told_plainly(planning.refuse_read_only, in_study(""))
    if "simulate" not in config:
        rows = [row for shard in SHARDS for row in shard_rows(shard)]
        told_plainly(
            planning.refuse_missing_images, rows, config["cohort"]["image_folder"]
        )


def tell_about_images():
    if INGEST:
        return
    lines = farewell.lines(in_study("images/qc.csv"))
    sys.stderr.writelines(f"{line}\n" for line in lines)


def refuse_forgotten_changes():
    for shard in SHARDS:
        told_plainly(
            planning.refuse_forgotten_change,
            shard_file(shard),
            lambda shard=shard: made_from(shard),
        )


def tell_summary():
    if INGEST:
        print(f"\n{Path(ingested('summary.md')).read_text(encoding='utf-8')}")
        return
    summary, page = Path(in_study("report/summary.md")), in_study("report/report.html")
    if summary.exists():
        print(f"\n{summary.read_text(encoding='utf-8')}\nThe whole report: {page}")


if workflow.is_main_process and not INGEST.collection:
    # Of an error in a function that Snakemake calls itself, it tells more than the error.
    shard_rows(0)
    # What is forced it knows only after the rules are read.
    if not {"--forcerun", "-R", "--forceall"} & set(sys.argv):
        refuse_forgotten_changes()


wildcard_constraints:
    shard=r"\d+",
    block=r"\d+",
    design="|".join(blocks.DESIGNS),
    redraw=r"\d+",
    reader=PSEUDONYM,
    case=PSEUDONYM,
    network=one_of(networks.extracted(NETWORKS)),
    member=r"fold-\d+|whole",
    split="|".join(SPLITS),
    model="|".join(config["models"]),
