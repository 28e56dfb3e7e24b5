"""Draw the LASSO's coefficient paths and the curve that chose its penalty."""

from microcalc.figures import lasso
from microcalc.figures.save import save
from microcalc.files import read_csv
from microcalc.logs import start

start(snakemake.log[0])
path, cv = read_csv(snakemake.input.path), read_csv(snakemake.input.cv)
save(lasso.draw_path(path, cv, choose=snakemake.params.choose), *snakemake.output.path)
save(lasso.draw_cv(cv, choose=snakemake.params.choose), *snakemake.output.cv)
