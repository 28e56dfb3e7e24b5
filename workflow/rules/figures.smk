rule draw_cohort:
    input:
        flow=in_study("evaluation/flow.json"),
    output:
        multiext(in_study("figures/flow"), ".svg", ".png", ".pdf"),
    localrule: True
    script:
        "../scripts/draw_cohort.py"


rule draw_selection:
    input:
        included=in_study("images/included.csv"),
        features=PATHS.tables_of(MAIN_SCORE),
        mrmr=in_study(f"selection/{MAIN_SCORE}/mrmr.csv"),
        path=in_study(f"selection/{MAIN_SCORE}/lasso_path.csv"),
        cv=in_study(f"selection/{MAIN_SCORE}/lasso_cv.csv"),
        selected=in_study(f"selection/{MAIN_SCORE}/selected.csv"),
    output:
        mrmr=multiext(in_study("figures/mrmr"), ".svg", ".png", ".pdf"),
        lasso_path=multiext(in_study("figures/lasso_path"), ".svg", ".png", ".pdf"),
        lasso_cv=multiext(in_study("figures/lasso_cv"), ".svg", ".png", ".pdf"),
        feature_heatmap=multiext(
            in_study("figures/feature_heatmap"), ".svg", ".png", ".pdf"
        ),
        feature_correlation=multiext(
            in_study("figures/feature_correlation"), ".svg", ".png", ".pdf"
        ),
        embedding=multiext(in_study("figures/embedding"), ".svg", ".png", ".pdf"),
    priority: 5
    localrule: True
    params:
        labels=rule_params.classes(SETTINGS),
        clinical=config["clinical"],
        choose=SETTINGS.selection_of(MAIN_SCORE).lasso.choose,
        scheme=SETTINGS.selection_of(MAIN_SCORE).mrmr.scheme,
    script:
        "../scripts/draw_selection.py"


rule draw_models:
    input:
        included=in_study("images/included.csv"),
        scores=in_study("models/scores.csv"),
        univariable=in_study("models/univariable.csv"),
        multivariable=in_study("models/multivariable.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
    output:
        odds_ratios=multiext(in_study("figures/odds_ratios"), ".svg", ".png", ".pdf"),
        nomogram=multiext(in_study("figures/nomogram"), ".svg", ".png", ".pdf"),
    priority: 2
    localrule: True
    params:
        labels=rule_params.classes(SETTINGS),
        clinical=config["clinical"],
        main_score=MAIN_SCORE,
        one_by_one=[name for name, row in SETTINGS.models.items() if row.features_of],
        confidence=config["evaluation"]["confidence"],
    script:
        "../scripts/draw_models.py"


rule draw_evaluation:
    input:
        predictions=in_study("models/predictions.csv"),
        metrics=in_study("evaluation/metrics.csv"),
        published=in_study("evaluation/published.csv"),
        subgroups=in_study("evaluation/subgroups.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
    output:
        **roc_figures(),
        confusion=multiext(in_study("figures/confusion"), ".svg", ".png", ".pdf"),
        score_waterfall=multiext(
            in_study("figures/score_waterfall"), ".svg", ".png", ".pdf"
        ),
        published=multiext(in_study("figures/published"), ".svg", ".png", ".pdf"),
        subgroups_internal=multiext(
            in_study("figures/subgroups_internal"), ".svg", ".png", ".pdf"
        ),
        subgroups_external=multiext(
            in_study("figures/subgroups_external"), ".svg", ".png", ".pdf"
        ),
    priority: 6
    localrule: True
    params:
        labels=rule_params.classes(SETTINGS),
        clinical=config["clinical"],
        models=list(config["models"]),
        main_score=MAIN_SCORE,
        confidence=config["evaluation"]["confidence"],
        seed=config["seed"],
        scored=SCORED,
    script:
        "../scripts/draw_evaluation.py"


rule draw_probabilities:
    input:
        calibration=in_study("evaluation/calibration.csv"),
        curve=in_study("evaluation/calibration_curve.csv"),
        groups=in_study("evaluation/calibration_groups.csv"),
        histogram=in_study("evaluation/calibration_histogram.csv"),
        net_benefit=in_study("evaluation/net_benefit.csv"),
    output:
        calibration=multiext(in_study("figures/calibration"), ".svg", ".png", ".pdf"),
        net_benefit=multiext(in_study("figures/net_benefit"), ".svg", ".png", ".pdf"),
    priority: 3
    localrule: True
    params:
        models=list(config["models"]),
        labels=rule_params.classes(SETTINGS),
        confidence=config["evaluation"]["confidence"],
    script:
        "../scripts/draw_probabilities.py"


rule draw_saliency:
    input:
        saliency=in_study("evaluation/saliency.npz"),
    output:
        report(
            multiext(in_study("figures/saliency"), ".svg", ".png", ".pdf"),
            caption="../report/captions/saliency.rst",
            category="Evaluation",
            labels={"figure": "Saliency"},
        ),
    priority: 4
    localrule: True
    params:
        labels=rule_params.classes(SETTINGS),
    script:
        "../scripts/draw_saliency.py"


rule draw_gallery:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        eligible=in_study("cohort/eligible.csv"),
    output:
        sheet=in_study("figures/gallery-{shard}.png"),
        preview=in_study("figures/gallery-{shard}.jpg"),
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(30),
    script:
        "../scripts/draw_gallery.py"


rule draw_refits:
    input:
        bootstrap=PATHS.parts("bootstrap"),
        split_lottery=in_study("evaluation/split_lottery_replicates.csv"),
        permutation=in_study("evaluation/permutation_replicates.csv"),
        metrics=in_study("evaluation/metrics.csv"),
    output:
        multiext(in_study("figures/resampling"), ".svg", ".png", ".pdf"),
    localrule: True
    params:
        models=list(config["models"]),
    script:
        "../scripts/draw_refits.py"


rule draw_curves:
    input:
        curves=expand(
            in_study("features/{trained}.csv"),
            trained=TRAINED,
        ),
    output:
        learning_curves=multiext(
            in_study("figures/learning_curves"), ".svg", ".png", ".pdf"
        ),
    localrule: True
    script:
        "../scripts/draw_curves.py"
