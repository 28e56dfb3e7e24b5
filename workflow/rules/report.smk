rule write_report:
    input:
        page_files(),
        template=page_template(),
        flow=in_study("evaluation/flow.json"),
        table1=in_study("evaluation/table1.csv"),
        metrics=in_study("evaluation/metrics.csv"),
        delong=in_study("evaluation/delong.csv"),
        published=in_study("evaluation/published.csv"),
        qc=in_study("images/qc.csv"),
        funnel=in_study("selection/funnel.csv"),
        selected=in_study("selection/selected.csv"),
        lasso_cv=in_study("selection/lasso_cv.csv"),
        univariable=in_study("models/univariable.csv"),
        multivariable=in_study("models/multivariable.csv"),
        models=expand(in_study("models/{model}.json"), model=config["models"]),
        figures=expand(
            in_study("figures/{figure}.svg"),
            figure=[*expand("roc_{split}", split=SPLITS), "lasso_path", "lasso_cv"],
        ),
        galleries=expand(in_study("figures/gallery-{shard}.png"), shard=SHARDS),
    output:
        report=in_study("report/report.html"),
        summary=in_study("report/summary.md"),
    log:
        log_of("write_report"),
    conda:
        "../../envs/analysis.yaml"
    params:
        config=config,
        code=code("write_report"),
    script:
        "../scripts/write_report.py"
