"""Take the frozen models over, once their features and this cohort's are made alike."""

from microcalc.apply import agreement
from microcalc.core import job_records
from microcalc.models import provenance

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
weights = dict(zip(how.weighted, given.weights, strict=True))
here = provenance.parts(how.preprocessing, weights, {})
agreement.take(given.models, snakemake.output.models, here)
job.leave_record()
