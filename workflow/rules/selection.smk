rule select_features:
    input:
        included=in_study("images/included.csv"),
        features=OF_SCORE.columns,
        redrawn=OF_SCORE.redrawn,
    output:
        mrmr=in_study("selection/{score}/mrmr.csv"),
        lasso_path=in_study("selection/{score}/lasso_path.csv"),
        lasso_cv=in_study("selection/{score}/lasso_cv.csv"),
        selected=in_study("selection/{score}/selected.csv"),
        funnel=in_study("selection/{score}/funnel.csv"),
        crossfit=in_study("selection/{score}/crossfit.csv"),
        crossfit_selected=in_study("selection/{score}/crossfit_selected.csv"),
    priority: WAITED_FOR
    threads: selection_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        settings=OF_SCORE.selection,
        least_iccs=OF_SCORE.least_iccs,
        seed=config["seed"],
    script:
        "../scripts/select_features.py"


rule crossfit_logits:
    input:
        included=in_study("images/included.csv"),
        features=OF_SCORE.columns,
    output:
        selected=in_study("selection/{score}/selected.csv"),
        crossfit=in_study("selection/{score}/crossfit.csv"),
        crossfit_selected=in_study("selection/{score}/crossfit_selected.csv"),
        scale=in_study("selection/{score}/scale.csv"),
    wildcard_constraints:
        score=feature_sets.pattern(feature_sets.of_logits(SETTINGS)),
    localrule: True
    params:
        folds=OF_SCORE.n_folds,
        seed=config["seed"],
    script:
        "../scripts/crossfit_logits.py"


rule select_finetuned:
    input:
        included=in_study("images/included.csv"),
        features=OF_SCORE.columns,
    output:
        selected=in_study("selection/{score}/selected.csv"),
        funnel=in_study("selection/{score}/funnel.csv"),
        crossfit=in_study("selection/{score}/crossfit.csv"),
        crossfit_selected=in_study("selection/{score}/crossfit_selected.csv"),
    wildcard_constraints:
        score=feature_sets.pattern(feature_sets.selecting_finetuned(SETTINGS)),
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        folds=OF_SCORE.n_folds,
        settings=OF_SCORE.selection,
        seed=config["seed"],
    script:
        "../scripts/select_finetuned.py"
