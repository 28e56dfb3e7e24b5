"""Draw what refitting the whole chain gave."""

from microcalc.core.files import read_csv
from microcalc.core.logs import start
from microcalc.evaluation import parts, replicates
from microcalc.figures import resampling
from microcalc.figures.save import save

start(snakemake.log[0])
given, models = snakemake.input, snakemake.params.models
bootstrap = parts.read(given.bootstrap, replicates.COLUMNS)
figure = resampling.draw(
    bootstrap,
    read_csv(given.split_lottery),
    read_csv(given.permutation),
    read_csv(given.metrics),
    models=models,
)
save(figure, *snakemake.output)
