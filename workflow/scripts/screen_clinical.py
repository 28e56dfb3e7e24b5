"""Screen the clinical variables on the training cases: the two tables of odds ratios."""

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.core import job_records
from microcalc.core.files import write_csv
from microcalc.images import included
from microcalc.models.clinical import candidates, missing_values, screen, training_rows

job = job_records.begin(snakemake)
cases, how = included.read(snakemake.input.included), snakemake.params
clinical = ClinicalVariable.each_of(how.clinical)
screening = screen(
    training_rows(cases),
    clinical=candidates(clinical),
    settings=ScreeningSettings.of(how.screening),
    confidence=how.confidence,
    seed=how.seed,
    profile=True,
)
write_csv(screening.univariable, snakemake.output.univariable)
write_csv(screening.multivariable, snakemake.output.multivariable)
write_csv(missing_values(cases, clinical), snakemake.output.missing)
job.leave_record()
