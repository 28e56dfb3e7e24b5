rule simulate_shard:
    output:
        manifest=in_study("simulate/shard-{shard}.json"),
    log:
        log_of("simulate_shard/{shard}"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1500,
    params:
        rows=phantom_rows,
        folder=config["cohort"]["image_folder"],
        seed=config["seed"],
        code=code("simulate_shard"),
    script:
        "../scripts/simulate_shard.py"
