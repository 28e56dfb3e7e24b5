rule record_run:
    input:
        cases=config["cohort"]["cases"],
        images=config["cohort"]["images"],
        split=config["cohort"]["split_file"] or [],
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
        inputs=in_study("report/inputs.json"),
        runs=in_study("history/runs.json"),
        flow=in_study("evaluation/flow.json"),
        table1=in_study("evaluation/table1.csv"),
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        published=in_study("evaluation/published.csv"),
        calibration=in_study("evaluation/calibration.csv"),
        mcnemar=in_study("evaluation/mcnemar.csv"),
        equivalence=in_study("evaluation/equivalence.csv"),
        reclassification=in_study("evaluation/reclassification.csv"),
        optimism=in_study("evaluation/optimism.csv"),
        sample_size=in_study("evaluation/sample_size.csv"),
        qc=in_study("images/qc.csv"),
        funnel=in_study("selection/funnel.csv"),
        selected=in_study("selection/selected.csv"),
        lasso_cv=in_study("selection/lasso_cv.csv"),
        univariable=in_study("models/univariable.csv"),
        multivariable=in_study("models/multivariable.csv"),
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
        audited=AUDITED,
        choice=PATHS.choice(),
        finetuning=PATHS.compared(),
        scale=PATHS.scale_of_scores(),
        galleries=expand(in_study("figures/gallery-{shard}.jpg"), shard=SHARDS),
    output:
        report=in_study("report/report.html"),
        summary=in_study("report/summary.md"),
    localrule: True
    params:
        config=config,
        times=in_study("history/times"),
        rules=rules_by_room,
        texts=page_texts(),
    script:
        "../scripts/write_report.py"


rule write_manuscript:
    input:
        inputs=in_study("report/inputs.json"),
        flow=in_study("evaluation/flow.json"),
        table1=in_study("evaluation/table1.csv"),
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        equivalence=in_study("evaluation/equivalence.csv"),
        published=in_study("evaluation/published.csv"),
        calibration=in_study("evaluation/calibration.csv"),
        mcnemar=in_study("evaluation/mcnemar.csv"),
        optimism=in_study("evaluation/optimism.csv"),
        funnel=in_study("selection/funnel.csv"),
        selected=in_study("selection/selected.csv"),
        univariable=in_study("models/univariable.csv"),
        multivariable=in_study("models/multivariable.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        audited=AUDITED,
        choice=PATHS.choice(),
        finetuning=PATHS.compared(),
        scale=PATHS.scale_of_scores(),
    output:
        multiext(in_study("report/manuscript"), ".md", ".docx"),
        in_study("report/checklist.md"),
        expand(
            in_study("report/tables/{table}.{suffix}"),
            table=["table1", "univariable", "multivariable", "performance", "delong"],
            suffix=["docx", "tex"],
        ),
    localrule: True
    params:
        config=config,
        templates=str(Path(page_template()).parent),
        texts=page_texts(),
    script:
        "../scripts/write_manuscript.py"
