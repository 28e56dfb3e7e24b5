rule screen_clinical:
    input:
        included=in_study("images/included.csv"),
    output:
        univariable=in_study("models/univariable.csv"),
        multivariable=in_study("models/multivariable.csv"),
        missing=in_study("models/missing.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        clinical=rule_params.clinical(SETTINGS),
        screening=config["screening"],
        confidence=config["evaluation"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/screen_clinical.py"


rule fit_models:
    input:
        included=in_study("images/included.csv"),
        selected=expand(in_study("selection/{score}/selected.csv"), score=SCORES),
        crossfit=expand(in_study("selection/{score}/crossfit.csv"), score=SCORES),
        crossfit_selected=expand(
            in_study("selection/{score}/crossfit_selected.csv"), score=SCORES
        ),
        features=[*map(PATHS.columns, TABLES)],
        weights=[*chain.from_iterable(map(PATHS.weights_behind, TABLES))],
        adapted=[*chain.from_iterable(map(PATHS.adapted, ADAPTED))],
    output:
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        training=expand(in_study("models/{model}.training.csv"), model=config["models"]),
    priority: WAITED_FOR
    localrule: True
    params:
        models=config["models"],
        scores=rule_params.scores(SETTINGS, SCORES),
        clinical=rule_params.clinical(SETTINGS),
        screening=config["screening"],
        threshold=config["threshold"],
        labels=rule_params.classes(SETTINGS),
        training_scores=config["selection"]["training_scores"],
        preprocessing=preprocessing,
        weighted=WEIGHTED,
        adapted=ADAPTED,
        seed=config["seed"],
    script:
        "../scripts/fit_models.py"


# Run before any external case is predicted: `predict` waits for what is chosen here.
rule choose_variant:
    input:
        included=in_study("images/included.csv"),
        features=[*map(PATHS.columns, TABLES)],
        models=expand(
            in_study("models/{model}.json"), model=feature_sets.variants(SETTINGS)
        ),
    output:
        choice=in_study("models/choice.json"),
    localrule: True
    params:
        tables=TABLES,
    script:
        "../scripts/choose_variant.py"


rule predict:
    input:
        choice=PATHS.choice(),
        included=in_study("images/included.csv"),
        features=[*map(PATHS.columns, TABLES)],
        selected=expand(in_study("selection/{score}/selected.csv"), score=SCORES),
        crossfit=expand(in_study("selection/{score}/crossfit.csv"), score=SCORES),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        training=expand(in_study("models/{model}.training.csv"), model=config["models"]),
    output:
        predictions=in_study("models/predictions.csv"),
        scores=in_study("models/scores.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        tables=TABLES,
        scores=rule_params.scores(SETTINGS, SCORES),
        harmonize=HARMONIZED,
    script:
        "../scripts/predict.py"


rule freeze_study:
    input:
        included=in_study("images/included.csv"),
        qc=in_study("images/qc.csv"),
        features=[*map(PATHS.columns, TABLES)],
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
    output:
        settings=in_study("models/settings.yaml"),
        domain=in_study("models/domain.json"),
    localrule: True
    params:
        tables=TABLES,
        settings=SETTINGS.part(*deployment_settings.SECTIONS),
        simulated=SETTINGS.simulate is not None,
    script:
        "../scripts/freeze_study.py"
