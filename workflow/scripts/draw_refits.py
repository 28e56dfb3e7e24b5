"""Draw what refitting the whole chain gave."""

from microcalc.core import job_records
from microcalc.core.files import read_csv
from microcalc.evaluation import replicate_files, replicates
from microcalc.figures import refit_distributions
from microcalc.figures.save import save

job = job_records.begin(snakemake)
given, models = snakemake.input, snakemake.params.models
bootstrap = replicate_files.read(given.bootstrap, replicates.COLUMNS)
figure = refit_distributions.draw(
    bootstrap,
    read_csv(given.split_lottery),
    read_csv(given.permutation),
    read_csv(given.metrics),
    models=models,
)
save(figure, *snakemake.output)
job.leave_record()
