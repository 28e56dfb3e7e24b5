rule draw_roc:
    input:
        predictions=in_study("models/predictions.csv"),
        metrics=in_study("evaluation/metrics.csv"),
    output:
        multiext(in_study("figures/roc_{split}"), png=".png", pdf=".pdf", svg=".svg"),
    log:
        log_of("draw_roc/{split}"),
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("draw_roc"),
    script:
        "../scripts/draw_roc.py"
