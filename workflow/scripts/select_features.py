"""Select a score's features on the training cases, and cross-fit the selection."""

from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import job_records
from microcalc.core.files import write_csv
from microcalc.selection import select, training

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
tables = training.read(given.included, given.features, given.redrawn)
chosen = select.select(
    *tables,
    settings=SelectionSettings.of(how.settings),
    seed=how.seed,
    least_iccs=how.least_iccs,
    threads=snakemake.threads,
)
write_csv(chosen.chain.mrmr, snakemake.output.mrmr)
write_csv(chosen.chain.lasso_path, snakemake.output.lasso_path)
write_csv(chosen.chain.lasso_cv, snakemake.output.lasso_cv)
write_csv(chosen.chain.selected, snakemake.output.selected)
write_csv(chosen.chain.funnel, snakemake.output.funnel)
write_csv(chosen.crossfit, snakemake.output.crossfit)
write_csv(chosen.crossfit_selected, snakemake.output.crossfit_selected)
job.leave_record()
