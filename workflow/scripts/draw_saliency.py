"""Draw patches, maps and overlays of the deep model's most confident cases."""

from microcalc.core.logs import start
from microcalc.figures import saliency_maps
from microcalc.figures.save import save

start(snakemake.log[0])
figure = saliency_maps.draw(
    saliency_maps.read(snakemake.input.saliency), labels=snakemake.params.labels
)
save(figure, *snakemake.output)
