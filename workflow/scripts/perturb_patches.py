"""One shard's patches to train on, cut as another reader might have cut them."""

from microcalc.core import job_records
from microcalc.features import perturb
from microcalc.images import included

job = job_records.begin(snakemake)
perturb.write_copy(
    snakemake.input.surroundings,
    included.read(snakemake.input.included),
    snakemake.output.shard,
    **snakemake.params.perturbation,
    seed=snakemake.params.seed,
    copy=int(snakemake.wildcards.redraw),
)
job.leave_record(is_temporary=True)
