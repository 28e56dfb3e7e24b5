"""Draw patches, maps and overlays of the model's most confident cases."""

from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.figures import saliency_maps
from microcalc.figures.save import save

job = job_records.begin(snakemake)
arrays = saliency_maps.read(snakemake.input.saliency)
figure = saliency_maps.draw(arrays, labels=Labels.of(snakemake.params.labels))
save(figure, *snakemake.output)
job.leave_record()
