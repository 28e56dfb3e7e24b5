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
        house=str(WORKFLOW.parent),
    script:
        "../scripts/crate.py"
