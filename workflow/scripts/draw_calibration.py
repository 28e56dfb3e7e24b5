"""Draw how well the models' probabilities hold."""

from microcalc.figures import calibration
from microcalc.figures.save import save
from microcalc.files import read_csv
from microcalc.logs import start

start(snakemake.log[0])
given, asked = snakemake.input, snakemake.params
figure = calibration.draw(
    read_csv(given.calibration),
    read_csv(given.curve),
    read_csv(given.groups),
    read_csv(given.histogram),
    models=asked.models,
    labels=asked.labels,
    confidence=asked.confidence,
)
save(figure, *snakemake.output)
