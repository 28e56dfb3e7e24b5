rule simulate_shard:
    output:
        manifest=in_study("simulate/shard-{shard}.json"),
    log:
        log_of("simulate_shard/{shard}"),
    benchmark:
        time_of("simulate_shard/{shard}")
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=per_attempt(1500),
        runtime=per_attempt(60),
    params:
        cases=config["cohort"]["cases"],
        phantoms=lambda wildcards: config["simulate"]["phantoms"],
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(SHARDS),
        digest=phantom_digest,
        folder=config["cohort"]["image_folder"],
        results=results_folder,
        seed=config["seed"],
        code=code("simulate_shard"),
    script:
        "../scripts/simulate_shard.py"
