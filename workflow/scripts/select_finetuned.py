"""Select among the features of fine-tuned networks, fold by fold."""

from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import job_records
from microcalc.core.files import read_parquet, write_csv
from microcalc.features.finetune import network_folds
from microcalc.images import included
from microcalc.selection import finetuned

job = job_records.begin(snakemake)
how, left = snakemake.params, snakemake.output
cases = included.read(snakemake.input.included)
features = read_parquet(*snakemake.input.features)
dealt = network_folds.deal(cases, n_folds=how.folds, seed=how.seed)
settings = SelectionSettings.of(how.settings)
chosen = finetuned.select(cases, dealt, features, settings=settings, seed=how.seed)
write_csv(chosen.chain.selected, left.selected)
write_csv(chosen.chain.funnel, left.funnel)
write_csv(chosen.crossfit, left.crossfit)
write_csv(chosen.crossfit_selected, left.crossfit_selected)
job.leave_record()
