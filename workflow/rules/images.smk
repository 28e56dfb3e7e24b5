rule extract_patches:
    input:
        eligible=checked_cohort,
        simulated=simulated_shard,
    output:
        shard=update(in_study("images/shard-{shard}.npz")),
    log:
        log_of("extract_patches/{shard}"),
    benchmark:
        time_of("extract_patches/{shard}")
    priority: WAITED_FOR
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        cases=config["cohort"]["cases"],
        images=config["cohort"]["images"],
        image_folder=config["cohort"]["image_folder"],
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(SHARDS),
        digest=shard_digest,
        settings=config["images"],
        surround=1.0,
        code=code("extract_patches"),
    script:
        "../scripts/extract_patches.py"


rule gather_images:
    input:
        eligible=in_study("cohort/eligible.csv"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
    output:
        qc=in_study("images/qc.csv"),
        included=in_study("images/included.csv"),
    log:
        log_of("gather_images"),
    benchmark:
        time_of("gather_images")
    priority: WAITED_FOR
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        settings=config["images"],
        code=code("gather_images"),
    script:
        "../scripts/gather_images.py"
