rule fetch_weights:
    output:
        fetched=in_study("features/{network}weights/{backbone}.fetched.json"),
    log:
        log_of("{network}fetch_weights/{backbone}"),
    benchmark:
        time_of("fetch_weights/{network}{backbone}")
    retries: 2
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        weights=weights_of,
        code=code("fetch_weights"),
    script:
        "../scripts/fetch_weights.py"


rule prepare_weights:
    input:
        weights_source,
    output:
        weights=in_study("features/{network}weights/{backbone}.safetensors"),
    log:
        log_of("{network}prepare_weights/{backbone}"),
    benchmark:
        time_of("prepare_weights/{network}{backbone}")
    wildcard_constraints:
        network=networks.pattern(networks.given(PATHS.networks)),
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        backbone=lambda wildcards: wildcards.backbone,
        weights=weights_of,
        seed=config["seed"],
        code=code("prepare_weights"),
    script:
        "../scripts/prepare_weights.py"


use rule prepare_weights as prepare_tuned with:
    input:
        trained_weights,
    output:
        weights=in_study("features/finetuned/{member}/weights/{backbone}.safetensors"),
    log:
        log_of("prepare_tuned/{member}-{backbone}"),
    benchmark:
        time_of("prepare_tuned/{member}-{backbone}")
    params:
        backbone=lambda wildcards: wildcards.backbone,
        weights=trained_weights,
        seed=config["seed"],
        code=code("prepare_weights"),


rule adapt_weights:
    input:
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        weights=prepared_weights,
    output:
        adapted=in_study("features/{network}adapted.safetensors"),
    log:
        log_of("{network}adapt_weights"),
    benchmark:
        time_of("adapt_weights/{network}jobs")
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        settings=extraction_settings,
        code=code("adapt_weights"),
    script:
        "../scripts/adapt_weights.py"


rule extract_features:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        weights=prepared_weights,
        adapted=PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
    output:
        features=update(in_study("features/{network}shard-{shard}.parquet")),
    log:
        log_of("{network}extract_features/{shard}"),
    benchmark:
        time_of("extract_features/{network}{shard}")
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        settings=extraction_settings,
        code=code("extract_features"),
    script:
        "../scripts/extract_features.py"


rule gather_features:
    input:
        shards=expand(
            in_study("features/{{network}}shard-{shard}.parquet"), shard=SHARDS
        ),
        included=PATHS.harmonized("combat", "images/included.csv"),
    output:
        features=in_study("features/{network}features.parquet"),
    log:
        log_of("{network}gather_features"),
    benchmark:
        time_of("gather_features/{network}jobs")
    priority: WAITED_FOR
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        pool_views=pooling,
        code=code("gather_features"),
    script:
        "../scripts/gather_features.py"


# Stability: the training images once more, from larger windows, their regions displaced.
use rule extract_patches as extract_surroundings with:
    output:
        shard=update(in_study("features/surroundings-{shard}.npz")),
    log:
        log_of("extract_surroundings/{shard}"),
    benchmark:
        time_of("extract_surroundings/{shard}")
    params:
        cases=config["cohort"]["cases"],
        images=config["cohort"]["images"],
        image_folder=config["cohort"]["image_folder"],
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(SHARDS),
        digest=shard_digest,
        settings=stability.surroundings(SETTINGS),
        surround=stability.surround(SETTINGS),
        code=code("extract_patches"),


rule perturb_patches:
    input:
        surroundings=in_study("features/surroundings-{shard}.npz"),
        included=in_study("images/included.csv"),
    output:
        shard=temp(in_study("features/perturbed-{redraw}-{shard}.npz")),
    log:
        log_of("perturb_patches/{redraw}-{shard}"),
    benchmark:
        time_of("perturb_patches/{redraw}-{shard}")
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        perturbation=stability.perturbation(SETTINGS),
        seed=config["seed"],
        redraw=lambda wildcards: int(wildcards.redraw),
        code=code("perturb_patches"),
    script:
        "../scripts/perturb_patches.py"


use rule extract_features as extract_perturbed with:
    input:
        shard=in_study("features/perturbed-{redraw}-{shard}.npz"),
        weights=prepared_weights,
        adapted=PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
    output:
        features=update(
            in_study("features/{network}perturbed-{redraw}-{shard}.parquet")
        ),
    log:
        log_of("{network}extract_perturbed/{redraw}-{shard}"),
    benchmark:
        time_of("extract_perturbed/{network}{redraw}-{shard}")


rule gather_perturbed:
    input:
        shards=expand(
            in_study("features/{{network}}perturbed-{redraw}-{shard}.parquet"),
            redraw=REDRAWS,
            shard=SHARDS,
        ),
    output:
        perturbed=in_study("features/{network}perturbed.parquet"),
    log:
        log_of("{network}gather_perturbed"),
    benchmark:
        time_of("gather_perturbed/{network}jobs")
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        n_copies=len(REDRAWS),
        pool_views=pooling,
        code=code("gather_perturbed"),
    script:
        "../scripts/gather_perturbed.py"


# Stability: the images once more, as other readers drew their regions.
rule extract_reader_patches:
    input:
        eligible=checked_cohort,
        simulated=simulated_shard,
    output:
        shard=update(in_study("features/reader-{reader}-{shard}.npz")),
    log:
        log_of("extract_reader_patches/{reader}-{shard}"),
    benchmark:
        time_of("extract_reader_patches/{reader}-{shard}")
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
        settings=reader_settings,
        code=code("extract_reader_patches"),
    script:
        "../scripts/extract_reader_patches.py"


use rule extract_features as extract_reader with:
    input:
        shard=in_study("features/reader-{reader}-{shard}.npz"),
        weights=prepared_weights,
        adapted=PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
    output:
        features=update(in_study("features/{network}reader-{reader}-{shard}.parquet")),
    log:
        log_of("{network}extract_reader/{reader}-{shard}"),
    benchmark:
        time_of("extract_reader/{network}{reader}-{shard}")


rule gather_readers:
    input:
        readers=expand(
            in_study("features/{{network}}reader-{reader}-{shard}.parquet"),
            reader=OTHER_READERS,
            shard=SHARDS,
        ),
        shards=expand(
            in_study("features/{{network}}shard-{shard}.parquet"), shard=SHARDS
        ),
    output:
        features=in_study("features/{network}other_readers.parquet"),
    log:
        log_of("{network}gather_readers"),
    benchmark:
        time_of("gather_readers/{network}jobs")
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        readers=OTHER_READERS,
        pool_views=pooling,
        code=code("gather_readers"),
    script:
        "../scripts/gather_readers.py"


# Fine-tuned networks: what they were trained to say of every case, and what they say it from.
rule compute_logits:
    input:
        heads=PATHS.heads(),
        prepared=expand(
            in_study("features/finetuned/{member}/weights/{backbone}.safetensors"),
            member=MEMBERS,
            backbone=config["features"]["backbone"],
        ),
        features=expand(
            in_study("features/finetuned/{member}/features.parquet"), member=MEMBERS
        ),
    output:
        features=in_study("features/finetuned/features.parquet"),
    log:
        log_of("compute_logits"),
    benchmark:
        time_of("compute_logits")
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        code=code("compute_logits"),
    script:
        "../scripts/compute_logits.py"


rule join_features:
    input:
        features=expand(
            in_study("features/finetuned/{member}/features.parquet"),
            member=(networks.WHOLE, *MEMBERS),
        ),
    output:
        features=in_study("features/finetuned_lasso/features.parquet"),
    log:
        log_of("join_features"),
    benchmark:
        time_of("join_features")
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        code=code("join_features"),
    script:
        "../scripts/join_features.py"
