rule simulate_shard:
    output:
        manifest=in_study("simulate/shard-{shard}.json"),
    resources:
        mem_mb=per_attempt(1500),
        runtime=per_attempt(60),
    params:
        cases=stated("cases"),
        phantoms=rule_params.phantoms(SETTINGS),
        shards=len(SHARDS),
        digest=OF_SHARD.phantoms_digest,
        folder=stated("image_folder"),
        results=results_folder,
        seed=config["seed"],
    script:
        "../scripts/simulate_shard.py"
