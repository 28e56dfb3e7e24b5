rule select_features:
    input:
        included=in_study("images/included.csv"),
        features=in_study("features/features.parquet"),
        perturbed=perturbed_features(),
    output:
        mrmr=in_study("selection/mrmr.csv"),
        lasso_path=in_study("selection/lasso_path.csv"),
        lasso_cv=in_study("selection/lasso_cv.csv"),
        selected=in_study("selection/selected.csv"),
        funnel=in_study("selection/funnel.csv"),
        crossfit=in_study("selection/crossfit.csv"),
    log:
        log_of("select_features"),
    conda:
        "../../envs/analysis.yaml"
    params:
        how={"settings": selection_settings(), "seed": config["seed"]},
        code=code("select_features"),
    script:
        "../scripts/select_features.py"
