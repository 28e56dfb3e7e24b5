"""Screen the clinical variables on the training cases: the two tables of odds ratios."""

from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.models.clinical import screen, training_rows

start(snakemake.log[0])
screening = screen(
    training_rows(included.read(snakemake.input.included)),
    clinical=snakemake.params.clinical,
    settings=snakemake.params.screening,
)
write_csv(screening.univariable, snakemake.output.univariable)
write_csv(screening.multivariable, snakemake.output.multivariable)
