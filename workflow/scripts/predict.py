"""Predict every included case with every frozen model, and export the deep score of each."""

from microcalc.core.files import read_csv, read_parquet, write_csv
from microcalc.core.logs import start
from microcalc.evaluation import transductive
from microcalc.images import included
from microcalc.models import predict

start(snakemake.log[0])
given, networks = snakemake.input, snakemake.params.networks
harmonize = snakemake.params.harmonize
cases = included.read(given.included)
features = dict(zip(networks, map(read_parquet, given.features), strict=True))
predictions = predict.collect(given.models, given.training, cases, features)
write_csv(transductive.labelled(predictions, harmonize), snakemake.output.predictions)
chains = dict(zip(networks, map(read_csv, given.selected), strict=True))
folds = dict(zip(networks, map(read_csv, given.crossfit), strict=True))
scores = predict.score_table(cases, features, chains, folds)
write_csv(transductive.labelled(scores, harmonize), snakemake.output.deep_scores)
