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
        selected=expand(in_study("selection/{network}selected.csv"), network=AT_WORK),
        crossfit=expand(in_study("selection/{network}crossfit.csv"), network=AT_WORK),
        crossfit_selected=expand(
            in_study("selection/{network}crossfit_selected.csv"), network=AT_WORK
        ),
        features=expand(in_study("features/{network}features.parquet"), network=AT_WORK),
        weights=[*map(PATHS.weights_behind, AT_WORK)],
        adapted=expand(
            PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
            network=AT_WORK,
        ),
    output:
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        training=expand(in_study("models/{model}.training.csv"), model=config["models"]),
    priority: WAITED_FOR
    localrule: True
    params:
        models=config["models"],
        clinical=rule_params.clinical(SETTINGS),
        screening=config["screening"],
        threshold=config["threshold"],
        labels=rule_params.classes(SETTINGS),
        training_scores=config["selection"]["training_scores"],
        preprocessing=preprocessing,
        seed=config["seed"],
    script:
        "../scripts/fit_models.py"


# Run before any external case is predicted: `predict` waits for what is chosen here.
rule choose_variant:
    input:
        included=in_study("images/included.csv"),
        features=expand(in_study("features/{network}features.parquet"), network=AT_WORK),
        models=expand(
            in_study("models/{model}.json"), model=networks.variants(SETTINGS)
        ),
    output:
        choice=in_study("models/choice.json"),
    localrule: True
    params:
        networks=networks.names(AT_WORK),
    script:
        "../scripts/choose_variant.py"


rule predict:
    input:
        choice=PATHS.choice(),
        included=in_study("images/included.csv"),
        features=expand(in_study("features/{network}features.parquet"), network=AT_WORK),
        selected=expand(in_study("selection/{network}selected.csv"), network=AT_WORK),
        crossfit=expand(in_study("selection/{network}crossfit.csv"), network=AT_WORK),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        training=expand(in_study("models/{model}.training.csv"), model=config["models"]),
    output:
        predictions=in_study("models/predictions.csv"),
        deep_scores=in_study("models/deep_scores.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        networks=networks.names(AT_WORK),
        harmonize=config["features"]["harmonize"],
    script:
        "../scripts/predict.py"


rule freeze_study:
    input:
        included=in_study("images/included.csv"),
        qc=in_study("images/qc.csv"),
        features=expand(in_study("features/{network}features.parquet"), network=AT_WORK),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
    output:
        settings=in_study("models/settings.yaml"),
        domain=in_study("models/domain.json"),
    localrule: True
    params:
        networks=networks.names(AT_WORK),
        settings=SETTINGS.part(*deployment_settings.SECTIONS),
        simulated=SETTINGS.simulate is not None,
    script:
        "../scripts/freeze_study.py"
