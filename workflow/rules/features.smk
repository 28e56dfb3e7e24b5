rule fetch_weights:
    output:
        fetched=in_study("features/{network}weights/{backbone}.fetched.json"),
    retries: 2
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        weights=weights_of,
    script:
        "../scripts/fetch_weights.py"


rule prepare_weights:
    input:
        weights_source,
    output:
        weights=in_study("features/{network}weights/{backbone}.safetensors"),
    wildcard_constraints:
        network=networks.pattern(networks.given(PATHS.networks)),
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        weights=weights_of,
        seed=config["seed"],
    script:
        "../scripts/prepare_weights.py"


use rule prepare_weights as prepare_tuned with:
    input:
        trained_weights,
    output:
        weights=in_study("features/finetuned/{member}/weights/{backbone}.safetensors"),
    params:
        weights=trained_weights,


rule adapt_weights:
    input:
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        weights=prepared_weights,
    output:
        adapted=in_study("features/{network}adapted.safetensors"),
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        settings=extraction_settings,
    script:
        "../scripts/adapt_weights.py"


rule extract_features:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        weights=prepared_weights,
        adapted=PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
    output:
        features=update(in_study("features/{network}shard-{shard}.parquet")),
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        settings=extraction_settings,
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
    priority: WAITED_FOR
    localrule: True
    params:
        pool_views=pooling,
    script:
        "../scripts/gather_features.py"


# Stability: the training images once more, from larger windows, their regions displaced.
use rule extract_patches as extract_surroundings with:
    output:
        shard=update(in_study("features/surroundings-{shard}.npz")),
    params:
        settings=stability.surroundings(SETTINGS),
        surround=stability.surround(SETTINGS),


rule perturb_patches:
    input:
        surroundings=in_study("features/surroundings-{shard}.npz"),
        included=in_study("images/included.csv"),
    output:
        shard=temp(in_study("features/perturbed-{redraw}-{shard}.npz")),
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        perturbation=stability.perturbation(SETTINGS),
        seed=config["seed"],
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


rule gather_perturbed:
    input:
        shards=expand(
            in_study("features/{{network}}perturbed-{redraw}-{shard}.parquet"),
            redraw=REDRAWS,
            shard=SHARDS,
        ),
    output:
        perturbed=in_study("features/{network}perturbed.parquet"),
    localrule: True
    params:
        n_copies=len(REDRAWS),
        pool_views=pooling,
    script:
        "../scripts/gather_perturbed.py"


# Stability: the images once more, as other readers drew their regions.
rule extract_reader_patches:
    input:
        eligible=checked_cohort,
        simulated=simulated_shard,
    output:
        shard=update(in_study("features/reader-{reader}-{shard}.npz")),
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        cases=config["cohort"]["cases"],
        images=config["cohort"]["images"],
        image_folder=config["cohort"]["image_folder"],
        shards=len(SHARDS),
        digest=shard_digest,
        files=files_digest,
        settings=reader_settings,
    script:
        "../scripts/extract_reader_patches.py"


use rule extract_features as extract_reader with:
    input:
        shard=in_study("features/reader-{reader}-{shard}.npz"),
        weights=prepared_weights,
        adapted=PATHS.harmonized("adabn", "features/{network}adapted.safetensors"),
    output:
        features=update(in_study("features/{network}reader-{reader}-{shard}.parquet")),


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
    localrule: True
    params:
        readers=OTHER_READERS,
        pool_views=pooling,
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
    localrule: True
    conda:
        "../../envs/torch.yaml"
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
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/join_features.py"
