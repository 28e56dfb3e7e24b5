rule ingest:
    output:
        cases=ingested("cases.csv"),
        images=ingested("images.csv"),
        config=ingested("config.yaml"),
        account=ingested("account.csv"),
        summary=ingested("summary.md"),
    log:
        ingested("ingest.log"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=per_attempt(4000),
    params:
        collection=INGEST.get("ingest", ""),
        source=INGEST.get("source", ""),
        spacing_mm=INGEST.get("spacing_mm", ""),
        code=code("ingest"),
    script:
        "../scripts/ingest.py"
