rule describe_cohort:
    input:
        included=in_study("images/included.csv"),
        cohort_exclusions=in_study("cohort/exclusions.csv"),
        qc=in_study("images/qc.csv"),
    output:
        table1=in_study("evaluation/table1.csv"),
        flow=in_study("evaluation/flow.json"),
    localrule: True
    params:
        clinical=rule_params.clinical(SETTINGS),
        labels=rule_params.classes(SETTINGS),
        seed=config["seed"],
    script:
        "../scripts/describe_cohort.py"


rule audit_study:
    input:
        included=in_study("images/included.csv"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        qc=in_study("images/qc.csv"),
        features=[*map(PATHS.columns, MEASURED_TABLES)],
    output:
        leakage=in_study("evaluation/leakage.csv"),
        confounding=in_study("evaluation/confounding.csv"),
    priority: WAITED_FOR
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        leakage=config["evaluation"]["leakage"],
        confidence=config["evaluation"]["confidence"],
        seed=config["seed"],
        sets=MEASURED_TABLES,
        harmonize=HARMONIZED,
    script:
        "../scripts/audit_study.py"


rule evaluate_models:
    input:
        predictions=in_study("models/predictions.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        included=in_study("images/included.csv"),
        funnels=expand(in_study("selection/{score}/funnel.csv"), score=REFITTABLE),
        choice=PATHS.choice(),
        # Nothing is measured where training and validation share cases.
        leakage=in_study("evaluation/leakage.csv"),
    output:
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        equivalence=in_study("evaluation/equivalence.csv"),
        mcnemar=in_study("evaluation/mcnemar.csv"),
        precision_recall=in_study("evaluation/precision_recall.csv"),
        subgroups=in_study("evaluation/subgroups.csv"),
        sample_size=in_study("evaluation/sample_size.csv"),
        published=in_study("evaluation/published.csv"),
    priority: WAITED_FOR
    params:
        settings=rule_params.discrimination(SETTINGS),
        sample_size=config["evaluation"]["sample_size"],
        scores=REFITTABLE,
        models=rule_params.refittable_models(SETTINGS),
        clinical=rule_params.clinical(SETTINGS),
        screening=config["screening"],
        published=config["published"],
        seed=config["seed"],
        harmonize=HARMONIZED,
    script:
        "../scripts/evaluate_models.py"


rule assess_probabilities:
    input:
        predictions=in_study("models/predictions.csv"),
    output:
        calibration=in_study("evaluation/calibration.csv"),
        calibration_curve=in_study("evaluation/calibration_curve.csv"),
        calibration_groups=in_study("evaluation/calibration_groups.csv"),
        calibration_histogram=in_study("evaluation/calibration_histogram.csv"),
        recalibration=in_study("evaluation/recalibration.csv"),
        net_benefit=in_study("evaluation/net_benefit.csv"),
        reclassification=in_study("evaluation/reclassification.csv"),
    priority: WAITED_FOR
    params:
        settings=rule_params.probabilities(SETTINGS),
        seed=config["seed"],
        harmonize=HARMONIZED,
    script:
        "../scripts/assess_probabilities.py"


rule refit_chain:
    input:
        included=in_study("images/included.csv"),
        features=PATHS.tables_of(*REFITTABLE),
        redrawn=PATHS.redrawn(*REFITTABLE),
    output:
        measured=in_study("evaluation/parts/{design}-{block}.csv"),
        selected=in_study("evaluation/parts/{design}-{block}.selected.csv"),
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        replicates=replicates_of_block,
        scores=rule_params.scores(SETTINGS, REFITTABLE),
        models=rule_params.refittable_models(SETTINGS),
        clinical=rule_params.clinical(SETTINGS),
        screening=config["screening"],
        selections=rule_params.selections(SETTINGS, REFITTABLE),
        training_scores=config["selection"]["training_scores"],
        least_iccs=stability.least_iccs(SETTINGS, *REFITTABLE),
        seed=config["seed"],
    script:
        "../scripts/refit_chain.py"


rule summarize_refits:
    input:
        predictions=in_study("models/predictions.csv"),
        models=expand(
            in_study("models/{model}.json"),
            model=feature_sets.refittable_models(SETTINGS),
        ),
        bootstrap=PATHS.parts("bootstrap"),
        split_lottery=PATHS.parts("split_lottery"),
        permutation=PATHS.parts("permutation"),
        bootstrap_selected=PATHS.parts("bootstrap", ".selected"),
        split_lottery_selected=PATHS.parts("split_lottery", ".selected"),
        permutation_selected=PATHS.parts("permutation", ".selected"),
    output:
        optimism=in_study("evaluation/optimism.csv"),
        selection_frequency=in_study("evaluation/selection_frequency.csv"),
        split_lottery=in_study("evaluation/split_lottery.csv"),
        split_lottery_replicates=in_study("evaluation/split_lottery_replicates.csv"),
        permutation=in_study("evaluation/permutation.csv"),
        permutation_replicates=in_study("evaluation/permutation_replicates.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        confidence=config["evaluation"]["confidence"],
        harmonize=HARMONIZED,
    script:
        "../scripts/summarize_refits.py"


rule compute_saliency:
    input:
        predictions=in_study("models/predictions.csv"),
        model=in_study(f"models/{SALIENCY_MODEL}.json"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        weights=SALIENCY_WEIGHTS,
    output:
        saliency=in_study("evaluation/saliency.npz"),
        kept=update(in_study(f"features/{SALIENCY_SET}/kept_maps.npz")),
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        how={
            "device": SALIENCY_DEVICE,
            "cache": config["images"]["cache"],
        },
    script:
        "../scripts/compute_saliency.py"


rule compare_variants:
    input:
        predictions=in_study("models/predictions.csv"),
        choice=PATHS.choice(),
    output:
        finetuning=in_study("evaluation/finetuning.csv"),
    localrule: True
    params:
        finetuned=[name for name in SCORES if feature_sets.is_finetuned(SETTINGS, name)],
        confidence=config["evaluation"]["confidence"],
    script:
        "../scripts/compare_variants.py"
