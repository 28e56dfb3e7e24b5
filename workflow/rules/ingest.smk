rule ingest:
    output:
        cases=INGEST.file("cases.csv"),
        images=INGEST.file("images.csv"),
        config=INGEST.file("config.yaml"),
        account=INGEST.file("account.csv"),
        summary=INGEST.file("summary.md"),
    log:
        INGEST.file("ingest.log"),
    resources:
        mem_mb=per_attempt(4000),
    params:
        collection=INGEST.collection,
        source=INGEST.source,
        spacing_mm=INGEST.spacing_mm,
    script:
        "../scripts/ingest.py"
