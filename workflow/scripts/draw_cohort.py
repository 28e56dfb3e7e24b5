"""Draw how the cases came into the study."""

from microcalc.core import job_records
from microcalc.core.files import read_json
from microcalc.figures import flow_diagram
from microcalc.figures.save import save

job = job_records.begin(snakemake)
save(flow_diagram.draw(read_json(snakemake.input.flow)), *snakemake.output)
job.leave_record()
