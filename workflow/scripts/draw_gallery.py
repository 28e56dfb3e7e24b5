"""Draw the contact sheet of one shard's images."""

from microcalc.core.logs import start
from microcalc.core.table_reader import read_table
from microcalc.figures import gallery
from microcalc.images.shard_file import read

start(snakemake.log[0])
cases = read_table(snakemake.input.eligible, only=("case_id", "split")).rows
sheet = gallery.draw(read(snakemake.input.shard), cases)
gallery.save(sheet, snakemake.output.sheet, snakemake.output.preview)
