rule build_cohort:
    input:
        cases=given("cases"),
        images=given("images"),
        split=given("split_file"),
        case_schema=schema("cases"),
        image_schema=schema("images"),
    output:
        eligible=in_study("cohort/eligible.csv"),
        images=in_study("cohort/images.csv"),
        exclusions=in_study("cohort/exclusions.csv"),
    priority: WAITED_FOR
    localrule: True
    params:
        clinical=rule_params.clinical(SETTINGS),
        labels=rule_params.classes(SETTINGS, "excluded"),
        settings=config["cohort"],
        seed=config["seed"],
        planned=contents_of(cases="cases", images="images", split="split_file"),
    script:
        "../scripts/build_cohort.py"


rule check:
    localrule: True
    params:
        config=config,
        schemas=plain_path.of(SCHEMAS),
        results=in_study(""),
    script:
        "../scripts/check.py"


rule freeze_split:
    localrule: True
    params:
        config=config,
        schemas=plain_path.of(SCHEMAS),
        results=in_study(""),
    script:
        "../scripts/freeze_split.py"
