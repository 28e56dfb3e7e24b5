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


rule draw_saliency:
    input:
        saliency=in_study("evaluation/saliency.npz"),
    output:
        report(
            multiext(in_study("figures/saliency"), ".svg", ".png", ".pdf"),
            caption="../report/captions/saliency.rst",
            category="Evaluation",
            labels={"figure": "Saliency"},
        ),
    log:
        log_of("draw_saliency"),
    conda:
        "../../envs/analysis.yaml"
    params:
        labels=config["labels"],
        code=code("draw_saliency"),
    script:
        "../scripts/draw_saliency.py"
