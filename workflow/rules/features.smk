rule prepare_weights:
    input:
        given_weights(),
    output:
        weights=in_study("features/weights/{backbone}.safetensors"),
    log:
        log_of("prepare_weights/{backbone}"),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=4000,
    params:
        backbone=lambda wildcards: wildcards.backbone,
        weights=config["features"]["weights"],
        seed=config["seed"],
        code=code("prepare_weights"),
    script:
        "../scripts/prepare_weights.py"


rule extract_features:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        weights=in_study(
            f"features/weights/{config['features']['backbone']}.safetensors"
        ),
    output:
        features=update(in_study("features/shard-{shard}.parquet")),
    log:
        log_of("extract_features/{shard}"),
    conda:
        "../../envs/torch.yaml"
    threads: 4
    resources:
        mem_mb=4000,
    params:
        settings=config["features"],
        code=code("extract_features"),
    script:
        "../scripts/extract_features.py"


rule gather_features:
    input:
        shards=expand(in_study("features/shard-{shard}.parquet"), shard=SHARDS),
    output:
        features=in_study("features/features.parquet"),
    log:
        log_of("gather_features"),
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("gather_features"),
    script:
        "../scripts/gather_features.py"
