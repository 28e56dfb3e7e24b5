rule describe_cohort:
    input:
        included=in_study("images/included.csv"),
        cohort_exclusions=in_study("cohort/exclusions.csv"),
        qc=in_study("images/qc.csv"),
    output:
        table1=in_study("evaluation/table1.csv"),
        flow=in_study("evaluation/flow.json"),
    log:
        log_of("describe_cohort"),
    conda:
        "../../envs/analysis.yaml"
    params:
        clinical=config["clinical"],
        labels=config["labels"],
        code=code("describe_cohort"),
    script:
        "../scripts/describe_cohort.py"


rule evaluate_models:
    input:
        predictions=in_study("models/predictions.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
    output:
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        published=in_study("evaluation/published.csv"),
    log:
        log_of("evaluate_models"),
    conda:
        "../../envs/analysis.yaml"
    params:
        confidence=config["evaluation"]["confidence"],
        comparisons=config["evaluation"]["comparisons"],
        published=config["published"],
        code=code("evaluate_models"),
    script:
        "../scripts/evaluate_models.py"


rule compute_saliency:
    input:
        predictions=in_study("models/predictions.csv"),
        model=in_study(f"models/{saliency_model()}.json"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        weights=weights_file(),
    output:
        saliency=in_study("evaluation/saliency.npz"),
    log:
        log_of("compute_saliency"),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=4000,
    params:
        code=code("compute_saliency"),
    script:
        "../scripts/compute_saliency.py"
