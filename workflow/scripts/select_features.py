"""Select deep features on the training cases, and cross-fit the selection."""

from pandas import read_parquet

from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.selection.select import select
from microcalc.selection.training import read_copies

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
tables = included.read(given.included), read_parquet(given.features), read_copies(given.perturbed)
chosen = select(*tables, settings=how.settings, seed=how.seed)
write_csv(chosen.chain.mrmr, snakemake.output.mrmr)
write_csv(chosen.chain.lasso_path, snakemake.output.lasso_path)
write_csv(chosen.chain.lasso_cv, snakemake.output.lasso_cv)
write_csv(chosen.chain.selected, snakemake.output.selected)
write_csv(chosen.chain.funnel, snakemake.output.funnel)
write_csv(chosen.crossfit, snakemake.output.crossfit)
write_csv(chosen.crossfit_selected, snakemake.output.crossfit_selected)
