rule select_features:
    input:
        included=in_study("images/included.csv"),
        features=in_study("features/{network}features.parquet"),
        redrawn=PATHS.redrawn(),
    output:
        mrmr=in_study("selection/{network}mrmr.csv"),
        lasso_path=in_study("selection/{network}lasso_path.csv"),
        lasso_cv=in_study("selection/{network}lasso_cv.csv"),
        selected=in_study("selection/{network}selected.csv"),
        funnel=in_study("selection/{network}funnel.csv"),
        crossfit=in_study("selection/{network}crossfit.csv"),
        crossfit_selected=in_study("selection/{network}crossfit_selected.csv"),
    priority: WAITED_FOR
    threads: selection_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        settings=config["selection"],
        min_icc=stability.least_icc(SETTINGS),
        seed=config["seed"],
    script:
        "../scripts/select_features.py"


rule crossfit_logits:
    input:
        included=in_study("images/included.csv"),
        features=in_study("features/finetuned/features.parquet"),
    output:
        selected=in_study("selection/finetuned/selected.csv"),
        crossfit=in_study("selection/finetuned/crossfit.csv"),
        crossfit_selected=in_study("selection/finetuned/crossfit_selected.csv"),
        scale=in_study("selection/finetuned/scale.csv"),
    localrule: True
    params:
        folds=len(MEMBERS),
        seed=config["seed"],
    script:
        "../scripts/crossfit_logits.py"


rule select_finetuned:
    input:
        included=in_study("images/included.csv"),
        features=in_study("features/finetuned_lasso/features.parquet"),
    output:
        selected=in_study("selection/finetuned_lasso/selected.csv"),
        funnel=in_study("selection/finetuned_lasso/funnel.csv"),
        crossfit=in_study("selection/finetuned_lasso/crossfit.csv"),
        crossfit_selected=in_study("selection/finetuned_lasso/crossfit_selected.csv"),
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        folds=len(MEMBERS),
        settings=config["selection"],
        seed=config["seed"],
    script:
        "../scripts/select_finetuned.py"
