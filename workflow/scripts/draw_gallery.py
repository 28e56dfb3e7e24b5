"""Draw the contact sheet of one shard's images."""

from microcalc.figures import gallery
from microcalc.figures.save import save
from microcalc.files import read_csv
from microcalc.images.shard_file import read
from microcalc.logs import start

start(snakemake.log[0])
figure = gallery.draw(read(snakemake.input.shard), read_csv(snakemake.input.included))
save(figure, snakemake.output.gallery)
