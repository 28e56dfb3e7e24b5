rule build_cohort:
    input:
        cases=config["cohort"]["cases"],
        images=config["cohort"]["images"],
        split=config["cohort"]["split_file"] or [],
        case_schema=schema("cases"),
        image_schema=schema("images"),
    output:
        eligible=in_study("cohort/eligible.csv"),
        images=in_study("cohort/images.csv"),
        exclusions=in_study("cohort/exclusions.csv"),
    log:
        log_of("build_cohort"),
    benchmark:
        time_of("build_cohort")
    priority: WAITED_FOR
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        clinical=rule_params.clinical(SETTINGS),
        labels=config["labels"],
        settings=config["cohort"],
        seed=config["seed"],
        tables=contents_of("cases", "images", "split_file"),
        code=code("build_cohort"),
    script:
        "../scripts/build_cohort.py"


rule check:
    log:
        log_of("check"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        config=config,
        schemas=str(SCHEMAS),
        results=in_study(""),
        code=code("check"),
    script:
        "../scripts/check.py"


rule freeze_split:
    log:
        log_of("freeze_split"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        config=config,
        schemas=str(SCHEMAS),
        results=in_study(""),
        code=code("freeze_split"),
    script:
        "../scripts/freeze_split.py"
