rule record_run:
    input:
        cases=given("cases"),
        images=given("images"),
        split=given("split_file"),
        features=[*map(plain_path.of, feature_sets.tables_given(SETTINGS).values())],
        shards=expand(in_study("images/shard-{shard}.npz"), shard=SHARDS),
        included=in_study("images/included.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        metrics=in_study("evaluation/metrics.csv"),
    output:
        inputs=in_study("report/inputs.json"),
        runs=update(in_study("history/runs.json")),
    priority: WAITED_FOR
    localrule: True
    params:
        config=config,
    script:
        "../scripts/record_run.py"


rule write_report:
    input:
        template=page_template(),
        results=results_of("report"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        figures=expand(
            in_study("figures/{figure}.svg"),
            figure=[
                *expand("roc_{split}", split=SPLITS),
                *("flow", "mrmr", "lasso_path", "lasso_cv", "feature_heatmap"),
                *("feature_correlation", "embedding", "odds_ratios", "nomogram"),
                *("confusion", "score_waterfall", "published", "calibration"),
                *("net_benefit", "subgroups_internal", "subgroups_external"),
            ],
        )
        + PATHS.optional_figures(),
        galleries=expand(in_study("figures/gallery-{shard}.jpg"), shard=SHARDS),
    output:
        report=in_study("report/report.html"),
        summary=in_study("report/summary.md"),
    localrule: True
    params:
        config=config,
        times=in_study("history/times"),
        rules=rules_by_room,
        texts=page_texts,
    script:
        "../scripts/write_report.py"


rule write_manuscript:
    input:
        results=results_of("manuscript"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
    output:
        multiext(in_study("report/manuscript"), ".md", ".docx"),
        in_study("report/checklist.md"),
        expand(
            in_study("report/tables/{table}.{suffix}"),
            table=table_registry.tables_of("manuscript"),
            suffix=["docx", "tex"],
        ),
    localrule: True
    params:
        config=config,
        templates=plain_path.of(WORKFLOW / "report"),
        texts=page_texts,
    script:
        "../scripts/write_manuscript.py"
