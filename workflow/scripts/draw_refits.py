"""Draw what refitting the whole chain gave."""

from microcalc.core.files import read_csv
from microcalc.core.logs import start
from microcalc.evaluation import replicate_files, replicates
from microcalc.figures import refit_distributions
from microcalc.figures.save import save

start(snakemake.log[0])
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
