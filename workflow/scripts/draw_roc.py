"""Draw the ROC curves of all models in one split."""

from microcalc.figures import roc
from microcalc.figures.save import save
from microcalc.files import read_csv
from microcalc.logs import start

start(snakemake.log[0])
figure = roc.draw(
    read_csv(snakemake.input.predictions),
    read_csv(snakemake.input.metrics),
    split=snakemake.wildcards.split,
    models=snakemake.params.models,
    labels=snakemake.params.labels,
    confidence=snakemake.params.confidence,
    seed=snakemake.params.seed,
)
save(figure, *snakemake.output)
