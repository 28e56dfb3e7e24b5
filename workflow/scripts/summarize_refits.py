"""Make the tables of all refits: optimism, selection frequencies, split lottery, permutation."""

from microcalc.core import job_records
from microcalc.evaluation import predictions, replicate_files, result_tables

job = job_records.begin(snakemake)
given = snakemake.input
rows = predictions.read(given.predictions)
models = predictions.read_models(given.models)
measured = {
    "bootstrap": given.bootstrap,
    "split_lottery": given.split_lottery,
    "permutation": given.permutation,
}
selected = {
    "bootstrap": given.bootstrap_selected,
    "split_lottery": given.split_lottery_selected,
    "permutation": given.permutation_selected,
}
asked = snakemake.params
made = replicate_files.summarize(rows, models, measured, selected, confidence=asked.confidence)
result_tables.write(made, snakemake.output, harmonize=asked.harmonize)
job.leave_record()
