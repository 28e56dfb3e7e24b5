# A network is trained again only when something that it depends on has changed: the job compares
# first, says why on the console, and takes up its own checkpoint. Those are no declared output,
# since Snakemake removes what a failed job declares.
rule train_network:
    input:
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        weights=OF_TUNED.start,
    output:
        weights=update(in_study("features/{tuned}/{member}.safetensors")),
        report=update(in_study("features/{tuned}/{member}.json")),
        curve=update(in_study("features/{tuned}/{member}.csv")),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(720),
    params:
        settings=OF_TUNED.settings,
        seed=config["seed"],
        checkpoints=in_study("features/{tuned}/checkpoints"),
    script:
        "../scripts/train_network.py"


rule join_heads:
    input:
        trained=OF_TUNED.trained,
        prepared=OF_TUNED.prepared,
    output:
        heads=in_study("features/{tuned}/weights/{backbone}.safetensors"),
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/join_heads.py"
