import sys
from functools import partial
from itertools import chain
from pathlib import Path

from microcalc.apply import apply_request
from microcalc.cohort.split import SPLITS
from microcalc.config import feature_sets, settings
from microcalc.core import run_lock
from microcalc.core.files import sweep_up
from microcalc.ingest import ingest_request as ingest
from microcalc.models import deployment_settings
from microcalc.plan import cam_model, forgotten, plain_path, plan_record, refusals
from microcalc.plan import replicate_blocks, rule_params, shard_rows
from microcalc.plan import snakemake_habits, stability
from microcalc.plan.code_digest import code_digest, folder_digest
from microcalc.plan.job_inputs import OfScore, OfSet, OfShard, OfTuned
from microcalc.plan.paths import Paths
from microcalc.plan.sharding import Shards
from microcalc.report import table_registry
from microcalc.run import verify
from microcalc.run.study_run import StudyRun


def is_asked_for(target):
    """Return whether the user named this target; Snakemake itself knows it only later."""
    return workflow.is_main_process and target in snakemake_habits.request().targets


# Targets that read the records of a study, and all that make nothing of it.
READS_RECORDS = is_asked_for("verify") or is_asked_for("crate")
MAKES_NOTHING = READS_RECORDS or is_asked_for("check") or is_asked_for("freeze_split")


def begin_at_work(study):
    """Unlock what a killed run of a study left; refuse to run beside another run of it."""
    found = run_lock.begin(study, snakemake_habits.locks_of(study))
    if found.has_unlocked:
        print("The last run here was killed; its lock is lifted.", file=sys.stderr)
    if found.other and snakemake_habits.request().takes_lock and not MAKES_NOTHING:
        refuse(
            f"Another run is at work on the study {study}: {found.other}. Wait until it has ended, "
            "or stop it there, and run the same command again; nothing needs unlocking."
        )


SCHEMAS = WORKFLOW / "schemas"

# An ingest comes before its study has a config, so that its keys are no study's.
INGEST = ingest.taken_out(config)

# `snakemake check` lists what is wrong with the config together with all else that is wrong.
if is_asked_for("check"):
    from microcalc.run import check

    told_plainly(check.refuse_problems, config, SCHEMAS)

# `snakemake apply` names frozen models and a cohort; everything else is the models' own study's.
APPLIED = (
    told_plainly(apply_request.of, config) if apply_request.is_asked(config) else None
)
SETTINGS = told_plainly(settings.complete, APPLIED.config if APPLIED else config)
# What rules hand on to their jobs: plain values, which Snakemake can compare with the last run's.
config = SETTINGS.plain()
if workflow.is_main_process:
    snakemake_habits.use_own_slurm_executor()
    if snakemake_habits.request().plans:
        told_plainly(refusals.refuse_read_only, snakemake_habits.FOLDER, is_deep=False)
    begin_at_work("ingest" if INGEST.collection else config["study"])
else:
    told_plainly(plan_record.refuse_changed, SETTINGS)
if is_asked_for("apply") and not APPLIED:
    refuse(
        "apply needs to know what to apply to whom: snakemake apply --cores all --config "
        "models=<results folder of a study> cohort=<folder with cases.csv and images.csv>"
    )
# Where frozen models are applied, no rule that fits is there to be run; an ingest has no study.
STUDY = (
    *("simulate", "cohort", "images", "features", "finetune"),
    *("selection", "models", "evaluation", "figures", "report", "ingest", "provenance"),
)
APPLICATION = ("images", "features", "evaluation", "figures", "apply", "provenance")
ROOMS = ("ingest",) if INGEST.collection else APPLICATION if APPLIED else STUDY
LABELLED = APPLIED and told_plainly(
    apply_request.labelled, SETTINGS.cohort.cases, SETTINGS.labels
)
# A cohort that models are applied to is external to them, whole.
SCORED = ("external",) if APPLIED else SPLITS
# Of the jobs that can start Snakemake takes those with the largest inputs, the contact sheets. What
# other jobs wait for goes before; a figure's priority is about its seconds, for the last to be short.
WAITED_FOR = 10
PSEUDONYM = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PATHS = Paths(SETTINGS, APPLIED.frozen if APPLIED else None)
in_study, where = PATHS.result, PATHS.where
# The scores, and the tables of columns that they are made of; frozen models need those they take.
SCORES = feature_sets.scores_taken(SETTINGS) if APPLIED else list(SETTINGS.scores)
TABLES = feature_sets.tables(SETTINGS, *SCORES)
REFITTABLE = feature_sets.selecting(SETTINGS)
MAIN_SCORE = feature_sets.main_score(SETTINGS)
# A set whose kind needs no torch is measured where the rest of the study is.
WITH_TORCH = feature_sets.pattern(feature_sets.with_torch(PATHS.sets))
WITHOUT_TORCH = feature_sets.pattern(feature_sets.without_torch(PATHS.sets))
TUNED, TRAINED = feature_sets.finetuned(SETTINGS), feature_sets.trained(SETTINGS)
HARMONIZED = feature_sets.harmonized(SETTINGS)
# Tables that images are measured for, those whose network has statistics of each center, and those
# that come from a network's weights.
MEASURED_TABLES = [name for name in TABLES if name in PATHS.sets]
ADAPTED = [name for name in MEASURED_TABLES if PATHS.adapted(name)]
WEIGHTED = [name for name in TABLES if PATHS.weights_behind(name)]
SALIENCY_MODEL, SALIENCY_SET = cam_model.name(SETTINGS), cam_model.set_of(SETTINGS)
SALIENCY_WEIGHTS = PATHS.weights(SALIENCY_SET) if SALIENCY_SET else []
SALIENCY_DEVICE = SETTINGS.features[SALIENCY_SET].device if SALIENCY_SET else None


def results_of(document):
    """Return the files of results that a document reads."""
    return [*map(in_study, table_registry.files(document, SETTINGS, LABELLED))]


def roc_figures():
    """Return the files of the ROC curves by figure."""
    shown = {"caption": "../report/captions/roc.rst", "category": "Evaluation"}
    return {
        f"roc_{split}": report(
            multiext(in_study(f"figures/roc_{split}"), ".svg", ".png", ".pdf"),
            labels={"figure": "ROC curves", "split": split},
            **shown,
        )
        for split in SCORED
    }


def per_attempt(amount):
    """Return a resource that a job's second attempt has twice, and its third three times."""
    return lambda wildcards, attempt: amount * attempt


def schema(name):
    return plain_path.of(SCHEMAS / f"{name}.yaml")


def given(name):
    """Return a file that the config's `cohort` names, for an input; nothing where it names none."""
    path = config["cohort"][name]
    return plain_path.of(path) if path else []


def stated(name):
    """Return the same for a param, as the config has it: in a text braces would be wildcards."""
    return lambda wildcards: config["cohort"][name]


def digest_of_script(script):
    return code_digest(f"{WORKFLOW}/scripts/{script}.py")


def contents_of(**names):
    """Return a param that changes with the content of the study's tables, whatever their time.

    It holds the digest of each by its name among a job's inputs, which the job compares.
    """
    paths = {role: config["cohort"][name] for role, name in names.items()}
    return lambda wildcards: shard_rows.table_digests(paths)


SHARDING = Shards(
    SETTINGS,
    PATHS.shard,
    lambda: digest_of_script("extract_patches"),
    is_applied=bool(APPLIED),
)
SHARDS = SHARDING.numbers
OF_SET, OF_SCORE, OF_TUNED = OfSet(PATHS, SHARDS), OfScore(PATHS), OfTuned(PATHS)
OF_SHARD = OfShard(SHARDING, told_plainly)
RESULTS = Path(in_study(""))
RUN = INGEST if INGEST.collection else StudyRun(SHARDING, RESULTS)


def checked_cohort(wildcards):
    """Return the checked table that a shard waits for, without being made again with it.

    Once a job is to run, Snakemake asks no job behind it for reasons of its own, not even one
    that is kept apart by `ancient`. So a shard that is out of date waits in the plain way.
    """
    eligible = in_study("cohort/eligible.csv")
    current = told_plainly(SHARDING.is_current, int(wildcards.shard))
    return ancient(eligible) if current else eligible


def extraction_threads(wildcards):
    """Return each shard's share of this machine's cores; a cluster's profile sets its own."""
    return max(1, workflow.cores // len(SHARDS))


def selection_threads(wildcards):
    """Return one core for a small study, which would wait longer for a second than it computes."""
    return min(4, 1 + len(SHARDS) * len(SHARDING.rows(0)) // 2000)


def preprocessing(wildcards):
    """Return by table of columns what it depends on, to be frozen with the models."""
    return rule_params.preprocessing(SETTINGS, TABLES, PATHS.sets)


def reader_settings(wildcards):
    return stability.of_reader(SETTINGS, wildcards.reader)


def results_folder(wildcards):
    return in_study("")


def page_template(name="page"):
    return plain_path.of(WORKFLOW / "report" / f"{name}.html.j2")


def page_texts(wildcards):
    """Return a digest of every file that the report's text is made from."""
    return folder_digest(str(WORKFLOW / "report"))


def replicates_of_block(wildcards):
    """Return which replicates a block holds."""
    design, block = wildcards.design, int(wildcards.block)
    return replicate_blocks.of_block(SETTINGS.evaluation, design, block)


def in_frozen(*paths):
    """Return files of the study that froze the models."""
    return [plain_path.of(APPLIED.file(path)) for path in paths]


def finished(wildcards):
    """Return what a run leaves last: a study's report, or that of frozen models on a cohort.

    And what was deleted, which Snakemake does not miss where its readers are done.
    """
    gone = forgotten.missing(RESULTS, rules)
    if APPLIED:
        pages = [in_study(f"report/case-{APPLIED.case}.html")] if APPLIED.case else []
        return [*rules.predict_cohort.output, *rules.write_cohort.output, *pages, *gone]
    written = [*rules.write_report.output, *rules.write_manuscript.output]
    return [*written, *rules.freeze_study.output, *gone]


def refuse_to_start():
    """Stop before any job where something is missing, or would be written over; then sweep up."""
    if not workflow.local_exec:
        run_lock.sends_jobs_away()
    told_plainly(RUN.refuse_to_start)
    sweep_up(in_study(""))
    plan_record.write(SETTINGS)


def complete_rules():
    """Add to each what all rules have alike, a log, a benchmark, an environment, a digest of its code."""
    snakemake_habits.complete_rules(
        *(workflow, rules),
        **{"log": PATHS.log, "benchmark": PATHS.time, "digest": digest_of_script},
        environment="../../envs/analysis.yaml",
    )
    asks = snakemake_habits.request()
    if READS_RECORDS:
        told_plainly(verify.refuse_altered, RESULTS)
    elif workflow.is_main_process and asks.plans and not asks.forces:
        told_plainly(forgotten.refuse, RESULTS, rules)


def rules_by_room(wildcards):
    return snakemake_habits.rules_by_file(rules)


def tell_outcome():
    is_of_this_run = partial(snakemake_habits.is_of_this_run, workflow.dag)
    sys.stderr.writelines(f"{line}\n" for line in RUN.warnings(is_of_this_run))
    if (summary := RUN.summary(is_of_this_run)) and not READS_RECORDS:
        print(f"\n{summary}")


if workflow.is_main_process:
    forced = snakemake_habits.request().forces
    freezes = is_asked_for("freeze_split")
    told_plainly(RUN.refuse_to_plan, is_forced=forced, freezes_split=freezes)
    # A check says it itself, frozen models divide nobody, and a split that is written keeps all.
    if not (freezes or APPLIED or is_asked_for("check")):
        sys.stderr.writelines(f"{line}\n" for line in told_plainly(RUN.notices))


wildcard_constraints:
    shard=r"\d+",
    block=r"\d+",
    design="|".join(replicate_blocks.DESIGNS),
    redraw=r"\d+",
    reader=PSEUDONYM,
    case=PSEUDONYM,
    set=feature_sets.pattern(feature_sets.of_images(PATHS.sets)),
    tuned=feature_sets.pattern(TUNED),
    member=r"fold-\d+|whole",
    score=feature_sets.pattern(REFITTABLE),
