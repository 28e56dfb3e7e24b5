# Both can make the table of metrics; here no selection has left a funnel to tell sizes from.
ruleorder: evaluate_cohort > evaluate_models


rule take_cohort:
    input:
        cases=given("cases"),
        images=given("images"),
        models=in_frozen(*expand("models/{model}.json", model=config["models"])),
        case_schema=schema("cases"),
        image_schema=schema("images"),
    output:
        eligible=in_study("cohort/eligible.csv"),
        images=in_study("cohort/images.csv"),
        exclusions=in_study("cohort/exclusions.csv"),
    localrule: True
    params:
        clinical=config["clinical"],
        labels=rule_params.classes(SETTINGS, "excluded"),
        planned=contents_of(cases="cases", images="images"),
    script:
        "../scripts/take_cohort.py"


rule take_models:
    input:
        models=in_frozen(*expand("models/{model}.json", model=config["models"])),
        weights=[*chain.from_iterable(map(PATHS.weights_behind, TABLES))],
    output:
        models=expand(in_study("models/{model}.json"), model=config["models"]),
    localrule: True
    params:
        preprocessing=preprocessing,
        weighted=WEIGHTED,
    script:
        "../scripts/take_models.py"


rule predict_cohort:
    input:
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        included=in_study("images/included.csv"),
        qc=in_study("images/qc.csv"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        features=[*map(PATHS.columns, TABLES)],
        domain=in_frozen("models/domain.json"),
        # Only to note whether a label was known; one that comes later predicts nothing anew.
        cases=ancient(given("cases")),
    output:
        register=update(in_study("history/register.csv")),
        contributions=in_study("models/contributions.csv"),
        warnings=in_study("models/warnings.csv"),
    localrule: True
    params:
        tables=TABLES,
        labels=rule_params.classes(SETTINGS),
    script:
        "../scripts/predict_cohort.py"


rule join_labels:
    input:
        register=in_study("history/register.csv"),
        included=in_study("images/included.csv"),
        cases=given("cases"),
    output:
        predictions=in_study("models/predictions.csv"),
        labelled=in_study("cohort/labelled.csv"),
    localrule: True
    params:
        labels=rule_params.classes(SETTINGS),
        planned=contents_of(cases="cases"),
    script:
        "../scripts/join_labels.py"


rule evaluate_cohort:
    input:
        predictions=in_study("models/predictions.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        labelled=in_study("cohort/labelled.csv"),
        development=[*map(plain_path.of, APPLIED.kept("models/predictions.csv"))],
    output:
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        equivalence=in_study("evaluation/equivalence.csv"),
        mcnemar=in_study("evaluation/mcnemar.csv"),
        precision_recall=in_study("evaluation/precision_recall.csv"),
        subgroups=in_study("evaluation/subgroups.csv"),
        published=in_study("evaluation/published.csv"),
        development=in_study("evaluation/development.csv"),
    params:
        settings=config["evaluation"],
        seed=config["seed"],
    script:
        "../scripts/evaluate_cohort.py"


rule write_cohort:
    input:
        template=page_template("cohort"),
        results=results_of("cohort"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        figures=where(
            LABELLED,
            "figures/roc_external.svg",
            "figures/calibration.svg",
            "figures/net_benefit.svg",
        ),
    output:
        report=in_study("report/report.html"),
        summary=in_study("report/summary.md"),
    localrule: True
    params:
        config=config,
        simulated=APPLIED.simulated,
        frozen=APPLIED.frozen.name,
        texts=page_texts,
    script:
        "../scripts/write_cohort.py"


rule map_case:
    input:
        register=in_study("history/register.csv"),
        model=in_study(f"models/{SALIENCY_MODEL}.json"),
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        weights=SALIENCY_WEIGHTS,
    output:
        saliency=in_study("evaluation/saliency-{case}.npz"),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        device=SALIENCY_DEVICE,
    script:
        "../scripts/map_case.py"


use rule draw_saliency as draw_case with:
    input:
        saliency=in_study("evaluation/saliency-{case}.npz"),
    output:
        in_study("figures/case-{case}/case_map.svg"),


rule write_case:
    input:
        template=page_template("case"),
        results=results_of("case"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        figures=PATHS.mapped_case,
    output:
        page=in_study("report/case-{case}.html"),
    localrule: True
    params:
        config=config,
        simulated=APPLIED.simulated,
        texts=page_texts,
    script:
        "../scripts/write_case.py"
