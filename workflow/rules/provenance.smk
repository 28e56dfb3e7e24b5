rule verify:
    localrule: True
    params:
        results=in_study(""),
    script:
        "../scripts/verify.py"


rule crate:
    localrule: True
    params:
        results=in_study(""),
        config=config,
        house=plain_path.of(WORKFLOW.parent),
    script:
        "../scripts/crate.py"
