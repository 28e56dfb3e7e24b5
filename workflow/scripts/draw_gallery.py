"""Draw the contact sheet of one shard's images."""

from microcalc.figures import gallery
from microcalc.images.shard_file import read
from microcalc.logs import start
from microcalc.tables import read_table

start(snakemake.log[0])
cases = read_table(snakemake.input.eligible, only=("case_id", "split")).rows
sheet = gallery.draw(read(snakemake.input.shard), cases)
gallery.save(sheet, snakemake.output.sheet, snakemake.output.preview)
