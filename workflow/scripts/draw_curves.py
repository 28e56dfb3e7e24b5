"""Draw how the fine-tuned networks learned."""

from microcalc.core.logs import start
from microcalc.figures import learning_curves
from microcalc.figures.save import save

start(snakemake.log[0])
figure = learning_curves.draw(learning_curves.read(snakemake.input.curves))
save(figure, *snakemake.output.learning_curves)
