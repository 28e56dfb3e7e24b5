"""Draw the contact sheet of one shard's images."""

from microcalc.core import job_records
from microcalc.core.table_reader import read_table
from microcalc.figures import gallery
from microcalc.images.shard_file import read

job = job_records.begin(snakemake)
cases = read_table(snakemake.input.eligible, only=("case_id", "split")).rows
sheet = gallery.draw(read(snakemake.input.shard), cases)
gallery.save(sheet, snakemake.output.sheet, snakemake.output.preview)
job.leave_record()
