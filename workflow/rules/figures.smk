rule draw_roc:
    input:
        predictions=in_study("models/predictions.csv"),
        metrics=in_study("evaluation/metrics.csv"),
    output:
        report(
            multiext(in_study("figures/roc_{split}"), ".svg", ".png", ".pdf"),
            caption="../report/captions/roc.rst",
            category="Evaluation",
            labels={"figure": "ROC curves", "split": "{split}"},
        ),
    log:
        log_of("draw_roc/{split}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        models=list(config["models"]),
        labels=config["labels"],
        confidence=config["evaluation"]["confidence"],
        code=code("draw_roc"),
    script:
        "../scripts/draw_roc.py"


rule draw_lasso:
    input:
        path=in_study("selection/lasso_path.csv"),
        cv=in_study("selection/lasso_cv.csv"),
    output:
        path=multiext(in_study("figures/lasso_path"), ".svg", ".png", ".pdf"),
        cv=multiext(in_study("figures/lasso_cv"), ".svg", ".png", ".pdf"),
    log:
        log_of("draw_lasso"),
    conda:
        "../../envs/analysis.yaml"
    params:
        choose=config["selection"]["lasso"]["choose"],
        code=code("draw_lasso"),
    script:
        "../scripts/draw_lasso.py"


rule draw_gallery:
    input:
        shard=in_study("images/shard-{shard}.npz"),
        included=in_study("images/included.csv"),
    output:
        gallery=report(
            in_study("figures/gallery-{shard}.png"),
            caption="../report/captions/gallery.rst",
            category="Images",
            labels={"figure": "Contact sheet", "shard": "{shard}"},
        ),
    log:
        log_of("draw_gallery/{shard}"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
    params:
        code=code("draw_gallery"),
    script:
        "../scripts/draw_gallery.py"
