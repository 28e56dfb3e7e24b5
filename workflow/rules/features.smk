rule fetch_weights:
    output:
        fetched=in_study("features/{set}/weights/{backbone}.fetched.json"),
    retries: 2
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        weights=OF_SET.given_weights,
    script:
        "../scripts/fetch_weights.py"


rule prepare_weights:
    input:
        OF_SET.source,
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
        weights=OF_SET.given_weights,
        seed=config["seed"],
    script:
        "../scripts/prepare_weights.py"


use rule prepare_weights as prepare_tuned with:
    input:
        OF_TUNED.trained_one,
    output:
        weights=in_study("features/{tuned}/{member}/weights/{backbone}.safetensors"),
    params:
        weights=OF_TUNED.trained_one,


rule adapt_weights:
    input:
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        weights=OF_SET.weights,
    output:
        adapted=in_study("features/{set}/adapted.safetensors"),
    conda:
        "../../envs/torch.yaml"
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        settings=OF_SET.measured_by,
    script:
        "../scripts/adapt_weights.py"


rule measure_images:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        weights=OF_SET.weights,
        adapted=OF_SET.adapted,
    output:
        features=update(in_study("features/{set}/shard-{shard}.parquet")),
    wildcard_constraints:
        set=WITHOUT_TORCH,
    priority: WAITED_FOR
    threads: extraction_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        measured_in=OF_SET.measured_in,
        made_with=OF_SET.kind_digest,
        settings=OF_SET.measured_by,
        cache=config["images"]["cache"],
    script:
        "../scripts/measure_images.py"


# Networks have rules of their own, for which a cluster's profile asks a GPU.
use rule measure_images as extract_features with:
    wildcard_constraints:
        set=WITH_TORCH,
    conda:
        "../../envs/torch.yaml"


rule gather_features:
    input:
        shards=expand(in_study("features/{{set}}/shard-{shard}.parquet"), shard=SHARDS),
        included=OF_SET.combat_cases,
    output:
        features=in_study("features/{set}/features.parquet"),
    priority: WAITED_FOR
    localrule: True
    params:
        pool_views=OF_SET.pool_views,
    script:
        "../scripts/gather_features.py"


# Stability: the training images once more, from larger windows, their regions displaced.
use rule extract_patches as extract_surroundings with:
    output:
        shard=update(in_study("features/{set}/surroundings-{shard}.npz")),
    params:
        settings=stability.surroundings(SETTINGS),
        surround=OF_SET.surround,


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
        perturbation=OF_SET.perturbation,
        seed=config["seed"],
    script:
        "../scripts/perturb_patches.py"


use rule measure_images as measure_perturbed with:
    input:
        shard=in_study("features/{set}/perturbed-{redraw}-{shard}.npz"),
        weights=OF_SET.weights,
        adapted=OF_SET.adapted,
    output:
        features=update(in_study("features/{set}/perturbed-{redraw}-{shard}.parquet")),


use rule measure_perturbed as extract_perturbed with:
    wildcard_constraints:
        set=WITH_TORCH,
    conda:
        "../../envs/torch.yaml"


rule gather_perturbed:
    input:
        shards=OF_SET.perturbed,
    output:
        perturbed=in_study("features/{set}/perturbed.parquet"),
    localrule: True
    params:
        n_copies=OF_SET.n_redraws,
        pool_views=OF_SET.pool_views,
    script:
        "../scripts/gather_perturbed.py"


# Stability: the images once more, as other readers drew their regions.
rule extract_reader_patches:
    input:
        eligible=checked_cohort,
        simulated=PATHS.simulated_shard,
    output:
        shard=update(in_study("features/reader-{reader}-{shard}.npz")),
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
        settings=reader_settings,
    script:
        "../scripts/extract_reader_patches.py"


use rule measure_images as measure_reader with:
    input:
        shard=in_study("features/reader-{reader}-{shard}.npz"),
        weights=OF_SET.weights,
        adapted=OF_SET.adapted,
    output:
        features=update(in_study("features/{set}/reader-{reader}-{shard}.parquet")),


use rule measure_reader as extract_reader with:
    wildcard_constraints:
        set=WITH_TORCH,
    conda:
        "../../envs/torch.yaml"


rule gather_readers:
    input:
        readers=OF_SET.drawn_by_readers,
        shards=expand(in_study("features/{{set}}/shard-{shard}.parquet"), shard=SHARDS),
    output:
        features=in_study("features/{set}/other_readers.parquet"),
    localrule: True
    params:
        readers=OF_SET.readers,
        pool_views=OF_SET.pool_views,
    script:
        "../scripts/gather_readers.py"


# Columns that were computed elsewhere.
rule read_columns:
    input:
        table=OF_SET.table,
        included=in_study("images/included.csv"),
        qc=OF_SET.pooled_images,
        combat=OF_SET.combat_cases,
    output:
        features=in_study("features/{set}/features.parquet"),
    wildcard_constraints:
        set=feature_sets.pattern(feature_sets.from_tables(PATHS.sets)),
    localrule: True
    params:
        planned=OF_SET.table_digest,
        measured_in=OF_SET.measured_in,
        made_with=OF_SET.kind_digest,
        settings=OF_SET.measured_by,
        pool_views=OF_SET.pool_views,
    script:
        "../scripts/read_columns.py"


# Fine-tuned networks: what they were trained to say of every case, and what they say it from.
rule compute_logits:
    input:
        heads=OF_TUNED.heads,
        prepared=OF_TUNED.prepared,
        features=OF_TUNED.features,
    output:
        features=in_study("features/{tuned}/logits.parquet"),
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/compute_logits.py"


rule join_features:
    input:
        features=OF_TUNED.features_with_whole,
    output:
        features=in_study("features/{tuned}/features.parquet"),
    localrule: True
    conda:
        "../../envs/torch.yaml"
    script:
        "../scripts/join_features.py"
