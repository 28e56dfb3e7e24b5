"""Limitations and warnings: what a reader must know before the first number.

Limits hold for the study whatever its results (`nature`); warnings and notes are about this run.
Every function returns findings, none where there is nothing to know, and needs no table: what the
study has not got it says nothing about, but for `metrics`, which `of_run` and `warnings` need.

Examples
--------
>>> from microcalc.config.study_config import StudyConfig
>>> from microcalc.report import limitations
>>> from microcalc.report.study import Study
>>> config = StudyConfig.of({
...     "study": "mine", "seed": 1, "labels": {"negative": "DCIS", "positive": "IDC"},
...     "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
...     "features": {"deep": {"kind": "network", "weights": "random"}}, "clinical": {},
... })
>>> study = Study(config=config, tables={}, documents={}, models={}, figures={})
>>> [found.title for found in limitations.nature(study)]
['Random network weights']
"""

from typing import Any

from microcalc.cohort.split import FEW_CASES
from microcalc.config import feature_sets
from microcalc.config.score_names import score_words
from microcalc.config.study_config import StudyConfig
from microcalc.figures.number_format import label as model_label
from microcalc.figures.number_format import split_label
from microcalc.images.window import LARGER_THAN_WINDOW
from microcalc.models import notes
from microcalc.report import audits, score_text, table_registry
from microcalc.report import format as fmt
from microcalc.report.findings import Finding
from microcalc.report.study import Study

# notes in a frozen model that have a warning of their own here
SAID = (
    *(notes.NO_CLINICAL, notes.NO_FEATURE, notes.APPARENT_THRESHOLD, notes.SEPARATION),
    *(notes.SLOPE_HELD, notes.UNLIKE),
)


def nature(study: Study) -> list[Finding]:
    """Return what limits the whole study, by its config: endpoint, images, weights and labels."""
    found = []
    if study.labels.surrogate:
        found.append(Finding("limit", "Surrogate endpoint", study.labels.surrogate))
    if study.simulated:
        found.append(
            Finding(
                "limit",
                "Simulated images",
                "Every mammogram of this study is a computer-made phantom, and the clinical "
                "variables were drawn at random to go with it. Phantoms are not patients: the "
                "numbers below show that the workflow works and say nothing about "
                f"{study.labels.negative} or {study.labels.positive} in people.",
            )
        )
    found += _random_weights(study.config)
    methods = score_text.harmonized(study.config)
    if methods:
        keys = fmt.joined([f"features.{name}.harmonize: {how}" for name, how in methods.items()])
        found.append(
            Finding(
                "limit",
                f"Transductive ({score_text.transductive(study.config)})",
                "Each external center's cases were looked at as a group, without labels, before "
                f"the first of them was scored ({keys}). The results are "
                "those of a center that can first collect such a group, not of one patient who "
                "comes alone.",
            )
        )
    if study.config.cohort.permute_labels is not None:
        found.append(
            Finding(
                "limit",
                "Permuted labels",
                "The labels were permuted within center (cohort.permute_labels): this run must "
                "find nothing, and whatever it finds is chance.",
            )
        )
    return found


def _random_weights(config: StudyConfig) -> list[Finding]:
    """Return that the networks behind some sets were trained on nothing."""
    random = score_text.random_networks(config)
    if not random:
        return []
    taken = feature_sets.taken(config)
    made = [name for name in random if name in taken]
    started = [name for name in random if name not in taken]
    backbones = score_text.networks(config)
    who = [
        f"the {fmt.joined(list(dict.fromkeys(backbones[name].backbone for name in sets)))} {did}"
        for sets, did in (
            (made, f"that made the {score_text.features(made)}" if made else ""),
            (started, "that fine-tuned networks started from"),
        )
        if sets
    ]
    named = fmt.joined(who)
    keys = fmt.joined([f"features.{name}.weights" for name in random])
    has, it, was = ("has", "it", "was") if len(random) == 1 else ("have", "they", "were")
    return [
        Finding(
            "limit",
            "Random network weights",
            f"{named[:1].upper()}{named[1:]} {has} random weights ({keys}: random); {it} {was} "
            "trained on nothing, so random weights are not ImageNet. What trained weights would "
            "reach is not known from this run.",
        )
    ]


def warnings(study: Study) -> list[Finding]:
    """Return what the audits found and what else was unusual, warnings before notes."""
    found = [*audited(study), *of_run(study)]
    return sorted(found, key=lambda finding: finding.kind != "warning")


def audited(study: Study) -> list[Finding]:
    """Return what the tables of `evaluation/` say, warnings before notes, see `audits`."""
    names = [name for name in table_registry.verdicts() if study.has(name)]
    records: dict[str, list[Any]] = {name: study.tables[name].to_dict("records") for name in names}
    return audits.of_tables(records)


def of_run(study: Study) -> list[Finding]:
    """Return what was unusual about this run apart from its audits, the gravest first."""
    return [
        *(finding for score in study.selected_scores for finding in _selection(study, score)),
        *of_scores(study),
        *_clinical(study),
        *_separation(study),
        *_sets(study),
        *_images(study),
        *_cut(study),
        *_threshold(study),
        *_elsewhere(study.config),
        *_notes(study),
    ]


def _selection(study: Study, score: str) -> list[Finding]:
    config, called = study.config, score_words(score)
    if study.kept(score):
        return _everything_selected(study, score)
    kinds = [score_text.plain(name) for name in config.scores[score].features]
    of_which = "" if len(config.scores) == 1 else f" for the {called}"
    model = score_text.alone(config, score)
    alone = f"the {model_label(model).lower()} model" if model else "a model of this score alone"
    named = fmt.joined([model_label(name).lower() for name in score_text.takers(config, score)])
    concerned = f" It concerns the {named} model." if named else ""
    return [
        Finding(
            "warning",
            f"The LASSO kept no {' or '.join(kinds)} feature{of_which}",
            f"The {called} is the same for every case (an intercept-only model), so the "
            f"{score_text.features_of(config, score)} tell no two cases apart: an AUC of 0.50 for "
            f"{alone} is what this means, not a failure of the run.{concerned}",
        )
    ]


def of_scores(study: Study) -> list[Finding]:
    """Return which models leave a score out, and which rest on scores unlike their own.

    The frozen models' own notes say so, see `models.notes`.
    """
    found = []
    for score in study.config.scores:
        for models, note in _noting(study, score_text.left_out(score)):
            found.append(
                Finding(
                    "warning",
                    f"{fmt.joined(models)} model without the {score_words(score)}",
                    f"{_sentence(note)} What the model predicts, it predicts from its other "
                    "predictors alone: the training cases do not show that the score adds to them.",
                )
            )
    for models, note in _noting(study, notes.SLOPE_HELD):
        title = f"{fmt.joined(models)} model: a score that points the wrong way"
        found.append(Finding("warning", title, _sentence(note)))
    for models, note in _noting(study, notes.UNLIKE):
        found.append(
            Finding(
                "warning",
                "Selections that differ between the folds",
                f"{_sentence(note)} The threshold of the {fmt.joined(models).lower()} model, and "
                f"what a model makes of the {score_text.any_score(study.config)} beside other "
                "predictors, may not carry over to the final score. Such a selection is unstable; "
                "few features tell the classes apart.",
            )
        )
    return found


def _noting(study: Study, start: str) -> list[tuple[list[str], str]]:
    """Return each note that starts so, once, with the models whose files hold it."""
    found: dict[str, list[str]] = {}
    for name, model in study.models.items():
        for note in model.get("notes", []):
            if note.startswith(start):
                found.setdefault(note, []).append(model_label(name))
    return [(models, note) for note, models in found.items()]


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}."


def _everything_selected(study: Study, score: str) -> list[Finding]:
    ranked, kept = (study.left_after(step, score) for step in ("mRMR", "LASSO"))
    if ranked > kept:
        return []
    of_which = "" if len(study.config.scores) == 1 else f" for the {score_words(score)}"
    return [
        Finding(
            "note",
            f"The LASSO kept every feature it was given{of_which}",
            f"All {kept} features that mRMR ranked have a coefficient. The penalty "
            "found none to leave out; a larger selection.mrmr.n_features would show whether more "
            "belong to the score.",
        )
    ]


def _clinical(study: Study) -> list[Finding]:
    found = []
    for name, model in study.models.items():
        wanted = study.config.models[name].clinical != "none"
        if wanted and not any(term["kind"] != "score" for term in model["terms"]):
            found.append(
                Finding(
                    "warning",
                    f"{model_label(name)} model without clinical predictors",
                    "No clinical variable passed the screening on the training set, so the "
                    f"{model_label(name).lower()} model contains none.",
                )
            )
    return found


def _separation(study: Study) -> list[Finding]:
    """Return which variables and models separate the classes of the training set."""
    models = [
        model_label(name) for name, model in study.models.items() if "Firth" in model["method"]
    ]
    variables = []
    if study.has("univariable"):
        table = study.tables["univariable"]
        alone = table.loc[table["method"] == "Firth", "variable"].drop_duplicates()
        variables = [study.variable_label(name) for name in alone]
    if not (models or variables):
        return []
    who = [f"{', '.join(variables)} (alone)"] if variables else []
    who += [f"the predictors of the {' and '.join(models).lower()} model"] if models else []
    return [
        Finding(
            "warning",
            "Predictors that separate the classes",
            f"In training, some value of {' and '.join(who)} goes with one class alone, so that "
            "no maximum-likelihood estimate exists; Firth's penalized likelihood stands in. A "
            "variable that is written down once the diagnosis is known predicts perfectly too, "
            "and belongs under cohort.other_columns.",
        )
    ]


def _sets(study: Study) -> list[Finding]:
    found = []
    for split in study.splits:
        negative, positive = study.sizes(split)
        sizes = fmt.counts(negative, positive, study.labels)
        if not negative or not positive:
            found.append(
                Finding(
                    "warning",
                    f"{split_label(split)}: one class only",
                    f"The set holds {sizes}; neither an AUC nor a comparison can be estimated.",
                )
            )
        elif min(negative, positive) < FEW_CASES:
            found.append(
                Finding(
                    "warning",
                    f"{split_label(split)}: few cases",
                    f"The set holds {sizes}. With fewer than {FEW_CASES} cases in a class every "
                    f"interval is wide, {_interval_of_few(study)}.",
                )
            )
    absent = [name for name in ("internal", "external") if name not in study.splits]
    return found + [
        Finding(
            "note",
            f"No {split_label(split).lower()}",
            f"The study has no {split_label(split).lower()} set.",
        )
        for split in absent
    ]


def _interval_of_few(study: Study) -> str:
    if study.config.evaluation.auc_interval == "wilson":
        return "and chance decides much of every estimate"
    return "and the AUC's is too narrow near 0 and 1 (evaluation.auc_interval)"


def _images(study: Study) -> list[Finding]:
    """Return how many usable images have each quality control flag, but for that of `_cut`."""
    if not study.has("qc"):
        return []
    qc = study.tables["qc"]
    usable = qc[qc["status"] == "ok"]
    flags = usable["flags"].dropna().astype(str).str.split(";").explode()
    flags = flags[~flags.isin(["", LARGER_THAN_WINDOW])]
    counts = flags.value_counts()
    if counts.empty:
        return []
    told = ", ".join(f"{flag.replace('_', ' ')} ({counts[flag]})" for flag in sorted(counts.index))
    return [
        Finding(
            "warning",
            "Images to look at",
            f"Of {len(usable)} images, {flags.index.nunique()} have a "
            f"quality control flag: {told}. Column flags of images/qc.csv and the contact sheets "
            "say which.",
        )
    ]


def _cut(study: Study) -> list[Finding]:
    """Return how many ROIs are larger than the window, so that their patch shows a part alone."""
    if not study.has("qc"):
        return []
    usable = study.tables["qc"][study.tables["qc"]["status"] == "ok"]
    flags = usable["flags"].fillna("").astype(str).str.split(";")
    cut = flags.map(lambda of_image: LARGER_THAN_WINDOW in of_image)
    if not cut.any():
        return []
    longest = float(usable.loc[cut, ["roi_width_mm", "roi_height_mm"]].max().max())
    window = study.config.images.patch_mm
    return [
        Finding(
            "warning",
            "Lesions larger than the patch",
            f"The ROI of {int(cut.sum())} of {len(usable)} images is longer than the window of "
            f"{window:g} mm (images.patch_mm), the longest {longest:.0f} mm: their "
            "patches show its middle and not its edges. A larger window, or images.crop: fit, "
            "would show all of it.",
        )
    ]


def _threshold(study: Study) -> list[Finding]:
    if study.config.threshold.scores != "apparent":
        return []
    return [
        Finding(
            "warning",
            "Thresholds from apparent scores",
            "The thresholds were chosen on predictions for the cases the models were fitted on "
            "(threshold.scores: apparent). Such thresholds lie too high, and sensitivity in new "
            "cases tends to fall short of what they promise.",
        )
    ]


def _elsewhere(config: StudyConfig) -> list[Finding]:
    """Return what nobody can see of columns that other software computed."""
    sets = list(score_text.computed_elsewhere(config))
    if not sets:
        return []
    tables = fmt.joined([f"features.{name}.path" for name in sets])
    return [
        Finding(
            "note",
            "Features computed elsewhere",
            f"The {score_text.features(sets)} were read from tables of the authors ({tables}). "
            "Where something was fitted to make them, such as a normalization over all cases or a "
            "trained network, and validation cases had a part in it, results on those cases are "
            "too good; the software cannot see that.",
        )
    ]


def _notes(study: Study) -> list[Finding]:
    """Return what a model's file notes and no warning above says already."""
    found = []
    said = (*SAID, *map(score_text.left_out, study.config.scores))
    for name, model in study.models.items():
        own = [note for note in model.get("notes", []) if not note.startswith(said)]
        if own:
            text = _sentence("; ".join(own))
            found.append(Finding("note", f"{model_label(name)} model", text))
    return found
