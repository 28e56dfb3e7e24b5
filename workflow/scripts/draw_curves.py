"""Draw how the fine-tuned networks learned."""

from microcalc.core.logs import start
from microcalc.figures import learning
from microcalc.figures.save import save

start(snakemake.log[0])
figure = learning.draw(learning.read(snakemake.input.curves))
save(figure, *snakemake.output.learning_curves)
