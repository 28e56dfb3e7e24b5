import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "src")))

from microcalc import contradictions, planning, presence, settings
from microcalc.apply import study as applied_study
from microcalc.cohort.split import SPLITS
from microcalc.errors import StudyError
from microcalc.features.finetune.members import WHOLE, members
from microcalc.files import sweep_up
from microcalc.images import farewell
from microcalc.images.limits import Limits
from microcalc.images.recipe import Recipe
from microcalc.models import handover
from microcalc.published_weights import is_published


def told_plainly(function, *arguments):
    """Return what `function` returns; a StudyError reaches the console without a traceback."""
    try:
        return function(*arguments)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


def is_asked_for(target):
    """Return whether the user named this target; Snakemake itself knows it only later."""
    return workflow.is_main_process and target in sys.argv


SCHEMAS = Path(workflow.basedir, "workflow", "schemas")

# An ingest comes before its study has a config, so that its keys are no study's.
INGEST = (
    {
        key: str(config.pop(key, ""))
        for key in ("ingest", "source", "target", "spacing_mm")
    }
    if "ingest" in config
    else {}
)

if workflow.is_main_process and presence.begin():
    print("The last run here was killed; its lock is lifted.", file=sys.stderr)

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
    raise WorkflowError(
        "apply needs to know what to apply to whom: snakemake apply --cores all --config "
        "models=<results folder of a study> cohort=<folder with cases.csv and images.csv>"
    )
# Where frozen models are applied, no rule that fits is there to be run.
ROOMS = (
    ("images", "features", "evaluation", "figures", "apply")
    if APPLIED
    else (
        *("ingest", "simulate", "cohort", "images", "features", "finetune"),
        *("selection", "models", "evaluation", "figures", "report"),
    )
)
# Only of such features is a map of the image a map of the deep score.
MAPPED = {"layers": ["penultimate"], "pool_views": "mean", "harmonize": "none"}
PSEUDONYM = r"[A-Za-z0-9][A-Za-z0-9._-]*"
SHARDS = range(config["images"]["shards"])
FINETUNE = config["features"]["finetune"]
# The fine-tuned networks that leave a fold out; and what models call their scores and features.
MEMBERS = members(FINETUNE["folds"]) if FINETUNE else ()
TUNED = tuple(f"{name}/" for name in contradictions.TUNED)


def in_study(path):
    return f"results/{config['study']}/{path}"


def log_of(name):
    return in_study(f"logs/{name}.log")


def time_of(name):
    return in_study(f"history/times/{name}.tsv")


def ingested(name):
    collection = INGEST.get("ingest") or "collection"
    return f"{INGEST.get('target') or f'studies/{collection}'}/{name}"


def tuned_weights(member):
    """Return what a fine-tuned network's weights are prepared from."""
    if APPLIED:
        prepared = f"finetuned/{member}/weights/{config['features']['backbone']}"
        return str(APPLIED.frozen / "features" / f"{prepared}.safetensors")
    return in_study(f"features/finetuned/{member}.safetensors")


def trained_weights(wildcards):
    return tuned_weights(wildcards.member)


def all_networks():
    """Return the settings of each network by its folder; the study's own has none to itself."""
    own = config["features"]
    further = {
        f"{name}/": {**own, **network}
        for name, network in own["further_networks"].items()
    }
    # A head takes the mean over the views of what goes into it.
    tuned = {**own, "layers": ["penultimate"], "pool_views": "mean"}
    trained = {
        f"finetuned/{member}/": {**tuned, "weights": tuned_weights(member)}
        for member in (*MEMBERS, *[WHOLE] * bool(MEMBERS))
    }
    return {"": own} | further | trained | dict.fromkeys(TUNED, tuned)


NETWORKS = all_networks()


def settings_of(section, *names):
    """Return the named keys of a section, so that a rule reruns for no other key."""
    return {name: config[section][name] for name in names}


def clinical_variables():
    """Return the config's `clinical` without what readers see, so that wording reruns no fit."""
    return {
        variable: {name: value for name, value in entry.items() if name != "label"}
        for variable, entry in config["clinical"].items()
    }


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


def network_of(model):
    """Return the folder of the network whose features a model takes."""
    name = config["models"][model]["network"]
    return "" if name == "main" else f"{name}/"


def networks():
    """Return the folders of the networks that are at work: the study's own, and those named."""
    return list(dict.fromkeys(["", *map(network_of, config["models"])]))


def network_names():
    return names_of(networks())


def of_network(path):
    """Return an input function for a file of the network that a rule's {model} takes."""

    def file(wildcards):
        return in_study(path.format(network=network_of(wildcards.model)))

    return file


def refittable(values):
    """Return the entries of models that a refit can make again: it trains no network.

    A fine-tuned network has seen the labels of the cases that a replicate leaves out or permutes.
    """
    return {
        name: value for name, value in values.items() if network_of(name) not in TUNED
    }


def refittable_networks():
    return [network for network in networks() if network not in TUNED]


def names_of(networks):
    return [network[:-1] or "main" for network in networks]


def of_members(path, *others):
    """Return a file of every fine-tuned network that leaves a fold out, after those of `others`."""
    backbone = config["features"]["backbone"]
    return [
        in_study(path.format(member=member, backbone=backbone))
        for member in (*others, *MEMBERS)
    ]


def given_networks():
    """Return a pattern of the networks whose weights the config names: all but the fine-tuned."""
    names = [name for name in NETWORKS if not name.startswith(TUNED)]
    return f"(?:{'|'.join(names)})"


def heads_file():
    """Return the heads of the fine-tuned networks; those of the study that froze the models."""
    if APPLIED:
        backbone = config["features"]["backbone"]
        return in_frozen(f"features/finetuned/weights/{backbone}.safetensors")[0]
    return weights_file("finetuned/")


def training_settings():
    """Return what a fine-tuned network depends on, its cases and the seed aside."""
    own = config["features"]
    return {name: own[name] for name in ("backbone", "device", "finetune")}


def variants():
    """Return the models that are a deep score alone, of the frozen or a fine-tuned network.

    Which of them goes on to external validation is chosen on internal validation.
    """
    return [
        name
        for name, model in config["models"].items()
        if (model["clinical"], model["deep"]) == ("none", "score")
        and network_of(name) in ("", *TUNED)
    ]


def chosen_variant():
    """Return the record of that choice, for which predictions wait; nothing without variants."""
    tuned = [name for name in variants() if network_of(name) in TUNED]
    return [in_study("models/choice.json")] if tuned and not APPLIED else []


def compared_variants():
    return [in_study("evaluation/finetuning.csv")] if chosen_variant() else []


def scale_of_scores():
    """Return what is known of the scale of the fine-tuned networks' logits, where models use it."""
    used = "finetuned/" in networks()
    return [in_study("selection/finetuned/scale.csv")] if used else []


def trained_networks(suffix):
    """Return a file of every network that is trained for the study's models."""
    used = {network_of(name) for name in config["models"]} & set(TUNED)
    whole = [WHOLE] * ("finetuned_lasso/" in used)
    return of_members(f"features/finetuned/{{member}}{suffix}", *whole) if used else []


def curves_figure():
    return [in_study("figures/learning_curves.svg")] if trained_networks("") else []


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
    network = network_of(wildcards.model)
    if network == "finetuned/":
        return heads_file()
    return weights_file(f"finetuned/{WHOLE}/" if network in TUNED else network)


def adapted_weights_of_model(wildcards):
    """Return the adapted weights whose features a model takes; nothing without adaptation."""
    files = harmonized_with("adabn", "features/{network}adapted.safetensors")
    return [file.format(network=network_of(wildcards.model)) for file in files]


def extraction_threads(wildcards):
    """Return each shard's share of this machine's cores; a cluster's profile sets its own."""
    return max(1, workflow.cores // len(SHARDS))


def extraction_settings(wildcards):
    """Return what an image's features depend on, and whether kept ones may be used."""
    names = ("backbone", "layers", "device", "precision", "batch_size")
    chosen = {name: NETWORKS[wildcards.network][name] for name in names}
    return {**chosen, "cache": config["images"]["cache"]}


def preprocessing(wildcards):
    """Return the settings that a frozen model's features depend on, to be frozen with it."""
    network = NETWORKS[network_of(wildcards.model)]
    names = ("layers", "precision", "pool_views", "harmonize")
    patch = vars(Recipe.from_settings(config["images"]))
    return {"images": patch, "extraction": {name: network[name] for name in names}}


def pooling(wildcards):
    return NETWORKS[wildcards.network]["pool_views"]


def redraws():
    return range(config["features"]["stability"]["perturbations"])


def perturbation_limits():
    stability, images = config["features"]["stability"], config["images"]
    return Limits.from_settings(stability, patch_mm=images["patch_mm"])


def surrounding_settings():
    """Return the config's `images` for windows that hold every perturbed patch."""
    surround = perturbation_limits().surround
    return {**config["images"], "surround": surround, "on_error": "exclude"}


def perturbation():
    """Return whose patches are perturbed, and what one depends on, its window aside."""
    patch_px = Recipe.from_settings(config["images"]).patch_px
    # The split lottery trains on cases that the study itself holds out.
    lottery = config["evaluation"]["split_lottery"] > 0
    splits = ["train", "internal"] if lottery else ["train"]
    limits = vars(perturbation_limits())
    return {"splits": splits, "limits": limits, "patch_px": patch_px}


def other_readers():
    return config["features"]["stability"]["readers"]


def reader_settings(wildcards):
    """Return the config's `images` for the regions of another reader."""
    return {**config["images"], "reader": wildcards.reader, "on_error": "exclude"}


def redrawn_features():
    """Return a network's features from regions drawn otherwise; none without stability."""
    perturbed = [in_study("features/{network}perturbed.parquet")] if redraws() else []
    readers = (
        [in_study("features/{network}other_readers.parquet")] if other_readers() else []
    )
    return perturbed + readers


def selection_settings():
    """Return the config's `selection` with the least stability that `features` asks for."""
    least = config["features"]["stability"]["icc_min"] if redrawn_features() else None
    filters = {**config["selection"]["filters"], "min_icc": least}
    return {**config["selection"], "filters": filters}


def harmonized_with(method, path):
    """Return `path` where the features are harmonized by `method`, else nothing."""
    return [in_study(path)] if config["features"]["harmonize"] == method else []


def saliency_model():
    """Return the first model that is the deep score alone; None where no map adds up to it."""
    names = [
        name
        for name, model in config["models"].items()
        if (model["clinical"], model["deep"], model["network"])
        == ("none", "score", "main")
    ]
    chosen = {name: config["features"][name] for name in MAPPED}
    return names[0] if names and chosen == MAPPED else None


def saliency_figure():
    """Return the figure of the maps; nothing where there are none."""
    return [in_study("figures/saliency.svg")] if saliency_model() else []


def refits_figure():
    """Return the figure of the refitted chain; nothing where no refit is asked for."""
    designs = ("bootstrap", "split_lottery", "permutation")
    asked = any(config["evaluation"][design] for design in designs)
    return [in_study("figures/resampling.svg")] if asked else []


def simulated_shard(wildcards):
    """Return the manifest of a shard's simulated files; none in a study of real patients."""
    manifest = in_study(f"simulate/shard-{wildcards.shard}.json")
    return [manifest] if "simulate" in config else []


def page_template(name="page"):
    return str(Path(workflow.basedir, "workflow", "report", f"{name}.html.j2"))


def page_texts():
    """Return a digest of every file that the report's text is made from."""
    return planning.folder_digest(str(Path(page_template()).parent))


def replicates_of(design, block):
    """Return the numbers of the replicates in a block: [first, last)."""
    size = config["evaluation"]["replicates_per_job"]
    first = int(block) * size
    return [first, min(first + size, config["evaluation"][design])]


def blocks(design, suffix):
    """Return the files of all blocks of a design; none where it is off."""
    size = config["evaluation"]["replicates_per_job"]
    numbers = range(-(-config["evaluation"][design] // size))
    return [in_study(f"evaluation/parts/{design}-{n}{suffix}.csv") for n in numbers]


def in_frozen(*paths):
    """Return files of the study that froze the models; one that was not kept is left out."""
    return [str(APPLIED.frozen / path) for path in paths]


def development():
    """Return the predictions of the study that froze the models; nothing where they are gone."""
    return [path for path in in_frozen("models/predictions.csv") if Path(path).exists()]


def evaluated(*names):
    """Return files of results that need labels; nothing while there are too few."""
    cases, labels = config["cohort"]["cases"], config["labels"]
    labelled = told_plainly(applied_study.labelled, cases, labels)
    return [in_study(name) for name in names] if labelled else []


def mapped_case(wildcards):
    """Return the figure of a case's maps; nothing where no map adds up to a score."""
    figure = in_study(f"figures/case-{wildcards.case}/case_map.svg")
    return [figure] if saliency_model() else []


def finished(wildcards):
    """Return what a run leaves last: the report of a study, or of frozen models on a cohort."""
    if APPLIED:
        pages = [in_study(f"report/case-{APPLIED.case}.html")] if APPLIED.case else []
        return [*rules.predict_cohort.output, *rules.write_cohort.output, *pages]
    written = [*rules.write_report.output, *rules.write_manuscript.output]
    return [*written, *rules.freeze_study.output]


def refuse_to_start():
    """Stop before any job where something is missing, or would be written over."""
    if not workflow.local_exec:
        presence.sends_jobs_away()
    if INGEST and Path(ingested("cases.csv")).exists():
        raise WorkflowError(
            f"{ingested('cases.csv')} is there already, and may hold work of yours; remove it or "
            "name another folder with target=..."
        )
    if not INGEST:
        told_plainly(planning.refuse_read_only, in_study(""))
    if not INGEST and "simulate" not in config:
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


# Snakemake knows what is forced only after the rules are read.
if (
    workflow.is_main_process
    and not INGEST
    and not {"--forcerun", "-R", "--forceall"} & set(sys.argv)
):
    refuse_forgotten_changes()


wildcard_constraints:
    shard=r"\d+",
    block=r"\d+",
    design="bootstrap|split_lottery|permutation",
    redraw=r"\d+",
    reader=PSEUDONYM,
    case=PSEUDONYM,
    network=f"(?:{'|'.join(name for name in NETWORKS if name not in TUNED)})",
    member=r"fold-\d+|whole",
    split="|".join(SPLITS),
    model="|".join(config["models"]),
