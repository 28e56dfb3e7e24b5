"""Out-of-fold scores of fine-tuned networks, and the scale of one against that of their mean."""

from microcalc.core import job_records
from microcalc.core.files import read_parquet, write_csv
from microcalc.features.finetune import network_folds
from microcalc.images import included
from microcalc.selection import finetuned

job = job_records.begin(snakemake)
how, left = snakemake.params, snakemake.output
cases = included.read(snakemake.input.included)
logits = read_parquet(*snakemake.input.features)
dealt = network_folds.deal(cases, n_folds=how.folds, seed=how.seed)
selected, crossfit = finetuned.of_logits(dealt, logits)
write_csv(selected, left.selected)
write_csv(crossfit.scores, left.crossfit)
write_csv(crossfit.selected, left.crossfit_selected)
write_csv(finetuned.scale(cases, dealt, logits), left.scale)
job.leave_record()
