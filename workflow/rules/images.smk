rule extract_patches:
    input:
        eligible=checked_cohort,
        simulated=PATHS.simulated_shard,
    output:
        shard=update(in_study("images/shard-{shard}.npz")),
    priority: WAITED_FOR
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        cases=stated("cases"),
        images=stated("images"),
        image_folder=stated("image_folder"),
        shards=len(SHARDS),
        digest=OF_SHARD.digest,
        files=OF_SHARD.files_digest,
        settings=config["images"],
        surround=1.0,
    script:
        "../scripts/extract_patches.py"


rule gather_images:
    input:
        eligible=in_study("cohort/eligible.csv"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
    output:
        qc=in_study("images/qc.csv"),
        included=in_study("images/included.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        settings=config["images"],
    script:
        "../scripts/gather_images.py"
