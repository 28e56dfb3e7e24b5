rule fetch_weights:
    output:
        fetched=in_study("features/{set}/weights/{backbone}.fetched.json"),
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
        weights=in_study("features/{set}/weights/{backbone}.safetensors"),
    wildcard_constraints:
        set=feature_sets.pattern(SETTINGS.features),
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
        weights=in_study("features/{tuned}/{member}/weights/{backbone}.safetensors"),
    params:
        weights=trained_weights,


rule adapt_weights:
    input:
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        weights=prepared_weights,
    output:
        adapted=in_study("features/{set}/adapted.safetensors"),
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
        adapted=adapted_weights,
    output:
        features=update(in_study("features/{set}/shard-{shard}.parquet")),
    priority: WAITED_FOR
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        measured_in=measured_in,
        settings=extraction_settings,
        cache=config["images"]["cache"],
    script:
        "../scripts/extract_features.py"


rule gather_features:
    input:
        shards=expand(in_study("features/{{set}}/shard-{shard}.parquet"), shard=SHARDS),
        included=combat_cases,
    output:
        features=in_study("features/{set}/features.parquet"),
    priority: WAITED_FOR
    localrule: True
    params:
        pool_views=pooling,
    script:
        "../scripts/gather_features.py"


# Stability: the training images once more, from larger windows, their regions displaced.
use rule extract_patches as extract_surroundings with:
    output:
        shard=update(in_study("features/{set}/surroundings-{shard}.npz")),
    params:
        settings=stability.surroundings(SETTINGS),
        surround=surround,


rule perturb_patches:
    input:
        surroundings=in_study("features/{set}/surroundings-{shard}.npz"),
        included=in_study("images/included.csv"),
    output:
        shard=temp(in_study("features/{set}/perturbed-{redraw}-{shard}.npz")),
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        perturbation=perturbation,
        seed=config["seed"],
    script:
        "../scripts/perturb_patches.py"


use rule extract_features as extract_perturbed with:
    input:
        shard=in_study("features/{set}/perturbed-{redraw}-{shard}.npz"),
        weights=prepared_weights,
        adapted=adapted_weights,
    output:
        features=update(in_study("features/{set}/perturbed-{redraw}-{shard}.parquet")),


rule gather_perturbed:
    input:
        shards=perturbed_shards,
    output:
        perturbed=in_study("features/{set}/perturbed.parquet"),
    localrule: True
    params:
        n_copies=n_redraws,
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
        adapted=adapted_weights,
    output:
        features=update(in_study("features/{set}/reader-{reader}-{shard}.parquet")),


rule gather_readers:
    input:
        readers=reader_shards,
        shards=expand(in_study("features/{{set}}/shard-{shard}.parquet"), shard=SHARDS),
    output:
        features=in_study("features/{set}/other_readers.parquet"),
    localrule: True
    params:
        readers=other_readers,
        pool_views=pooling,
    script:
        "../scripts/gather_readers.py"


# Columns that were computed elsewhere.
rule read_columns:
    input:
        columns_files,
    output:
        features=in_study("features/{set}/features.parquet"),
    wildcard_constraints:
        set=feature_sets.pattern(feature_sets.per_case(PATHS.sets)),
    localrule: True
    params:
        measured_in=measured_in,
        settings=extraction_settings,
    script:
        "../scripts/read_columns.py"


# Fine-tuned networks: what they were trained to say of every case, and what they say it from.
rule compute_logits:
    input:
        heads=heads,
        prepared=prepared_without_folds,
        features=features_without_folds,
    output:
        features=in_study("features/{tuned}/logits.parquet"),
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/compute_logits.py"


rule join_features:
    input:
        features=features_with_whole,
    output:
        features=in_study("features/{tuned}/features.parquet"),
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/join_features.py"
