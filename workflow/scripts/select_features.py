"""Select deep features on the training cases, and cross-fit the selection."""

import pandas as pd

from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.selection.select import select

start(snakemake.log[0])
cases, features = included.read(snakemake.input.included), pd.read_parquet(snakemake.input.features)
chosen = select(cases, features, settings=snakemake.params.settings, seed=snakemake.params.seed)
write_csv(chosen.chain.mrmr, snakemake.output.mrmr)
write_csv(chosen.chain.lasso_path, snakemake.output.lasso_path)
write_csv(chosen.chain.lasso_cv, snakemake.output.lasso_cv)
write_csv(chosen.chain.selected, snakemake.output.selected)
write_csv(chosen.chain.funnel, snakemake.output.funnel)
write_csv(chosen.crossfit, snakemake.output.crossfit)
write_csv(chosen.crossfit_selected, snakemake.output.crossfit_selected)
