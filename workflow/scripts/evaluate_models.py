"""Evaluate the frozen models on every set, compare the declared pairs, lay the paper beside."""

from microcalc.evaluation import compare, metrics, predictions, published
from microcalc.files import write_csv
from microcalc.logs import start

start(snakemake.log[0])
rows = predictions.read(snakemake.input.predictions)
models = predictions.read_models(snakemake.input.models)
settings = snakemake.params
measured = metrics.table(rows, models, confidence=settings.confidence)
write_csv(measured, snakemake.output.metrics)
write_csv(
    compare.table(rows, settings.comparisons, confidence=settings.confidence),
    snakemake.output.delong,
)
write_csv(published.compare(measured, settings.published), snakemake.output.published)
