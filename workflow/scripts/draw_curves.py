"""Draw how the fine-tuned networks learned."""

from microcalc.core import job_records
from microcalc.figures import learning_curves
from microcalc.figures.save import save

job = job_records.begin(snakemake)
figure = learning_curves.draw(learning_curves.read(snakemake.input.curves))
save(figure, *snakemake.output.learning_curves)
job.leave_record()
