from dataclasses import replace

from tests.unit.configs import changed

from microcalc.config.study_config import StudyConfig
from microcalc.models import notes
from microcalc.report import limitations
from microcalc.report.study import Study


def titles(found):
    return [finding.title for finding in found]


def test_an_ordinary_run_has_no_warnings(ordinary, fake):
    assert limitations.of_run(Study.read(ordinary, config=fake["CONFIG"])) == []


def test_phantoms_and_random_weights_are_said(ordinary, fake):
    found = limitations.nature(Study.read(ordinary, config=fake["CONFIG"]))
    assert titles(found) == ["Simulated images", "Random network weights"]
    assert "not patients" in found[0].text
    assert "not ImageNet" in found[1].text


def test_a_real_study_with_trained_weights_has_no_such_limits(ordinary, fake):
    given = {key: value for key, value in fake["GIVEN"].items() if key != "simulate"}
    config = StudyConfig.of(
        {**given, "features": {"deep": {"kind": "network", "weights": "IMAGENET1K_V2"}}}
    )
    assert limitations.nature(Study.read(ordinary, config=config)) == []


def test_harmonized_centers_are_a_limit(ordinary, fake):
    config = changed(fake["CONFIG"], features={"deep": {"harmonize": "combat"}})
    found = limitations.nature(Study.read(ordinary, config=config))
    assert "Transductive (ComBat)" in titles(found)


def test_a_surrogate_endpoint_is_the_first_limit(ordinary, fake):
    config = changed(fake["CONFIG"], labels={"surrogate": "Malignant may be either."})
    found = limitations.nature(Study.read(ordinary, config=config))
    assert titles(found)[0] == "Surrogate endpoint"
    assert found[0].text == "Malignant may be either."


def test_permuted_labels_are_a_limit_seed_0_included(ordinary, fake):
    config = changed(fake["CONFIG"], cohort={"permute_labels": 0})
    found = limitations.nature(Study.read(ordinary, config=config))
    assert "Permuted labels" in titles(found)


def test_a_lasso_that_keeps_nothing_is_a_warning(nothing, fake):
    found = limitations.of_run(Study.read(nothing, config=fake["CONFIG"]))
    assert titles(found) == ["The LASSO kept no deep feature"]
    assert "deep and combined model" in found[0].text


def test_a_lasso_that_keeps_everything_is_a_note(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    funnel = study.tables["funnel"].copy()
    ranked = funnel.loc[funnel["step"] == "mRMR", "n_features"].iloc[0]
    funnel.loc[funnel["step"] == "LASSO", "n_features"] = ranked
    full = replace(study, tables={**study.tables, "funnel": funnel})
    assert "The LASSO kept every feature it was given" in titles(limitations.of_run(full))


def test_small_and_one_class_sets_are_warnings(tiny, fake):
    found = titles(limitations.of_run(Study.read(tiny, config=fake["CONFIG"])))
    assert found == ["Internal validation: few cases", "External validation: one class only"]


def test_thresholds_from_apparent_scores_are_a_warning(ordinary, fake):
    config = changed(fake["CONFIG"], threshold={"scores": "apparent"})
    found = limitations.of_run(Study.read(ordinary, config=config))
    assert titles(found) == ["Thresholds from apparent scores"]


def test_flags_of_usable_images_are_counted(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    flags = ["burned_in_annotation;side_contradiction", "side_contradiction", "", "roi_odd"]
    qc = study.tables["qc"].assign(flags="")
    qc.loc[:3, "flags"] = flags
    found = limitations.of_run(replace(study, tables={**study.tables, "qc": qc}))
    assert titles(found) == ["Images to look at"]
    # The fourth image is excluded, so that its flags count for nothing.
    assert f"Of {len(qc) - 1} images, 2 have" in found[0].text
    assert "burned in annotation (1), side contradiction (2)." in found[0].text


def test_predictors_that_separate_the_classes_are_a_warning(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    table = study.tables["univariable"].copy()
    table.loc[table.variable == "palpable", "method"] = "Firth"
    combined = study.models["combined"] | {"method": "logistic regression, Firth"}
    study = replace(
        study,
        tables=study.tables | {"univariable": table},
        models=study.models | {"combined": combined},
    )
    (found,) = limitations.of_run(study)
    assert found.kind == "warning"
    assert "Palpable (alone) and the predictors of the combined model" in found.text
    assert "Firth's penalized likelihood" in found.text


def test_a_score_that_was_left_out_is_a_warning(left_out, fake):
    (found,) = limitations.of_run(Study.read(left_out, config=fake["CONFIG"]))
    assert (found.kind, found.title) == ("warning", "Combined model without the deep score")
    assert found.text.startswith("The deep score was left out: ")
    assert "(-0.41)" in found.text


def noted(files, fake, **notes_of):
    study = Study.read(files, config=fake["CONFIG"])
    changed = {name: study.models[name] | {"notes": said} for name, said in notes_of.items()}
    return limitations.of_run(replace(study, models=study.models | changed))


def test_selections_that_differ_are_told_once_for_all_models(ordinary, fake):
    note = f"{notes.UNLIKE}: it kept 18 deep features"
    (found,) = noted(ordinary, fake, deep=[note], combined=[note])
    assert (found.kind, found.title) == ("warning", "Selections that differ between the folds")
    assert "threshold of the deep and combined model" in found.text


def test_a_slope_that_was_held_is_a_warning(ordinary, fake):
    (found,) = noted(ordinary, fake, deep=[f"{notes.SLOPE_HELD} at 0.01"])
    assert (found.kind, found.title) == (
        "warning",
        "Deep model: a score that points the wrong way",
    )


def test_lesions_larger_than_the_patch_are_counted(ordinary, fake):
    study = Study.read(ordinary, config=fake["CONFIG"])
    qc = study.tables["qc"].assign(flags="", roi_width_mm=8.0, roi_height_mm=9.0)
    qc.loc[:1, "flags"] = ["roi_larger_than_window", "roi_larger_than_window;side_unknown"]
    qc.loc[1, "roi_height_mm"] = 41.4
    found = limitations.of_run(replace(study, tables={**study.tables, "qc": qc}))
    assert titles(found) == ["Images to look at", "Lesions larger than the patch"]
    usable = int((qc["status"] == "ok").sum())
    assert found[1].text.startswith(
        f"The ROI of 2 of {usable} images is longer than the window of 22.4 mm (images.patch_mm), "
        "the longest 41 mm:"
    )
