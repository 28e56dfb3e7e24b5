"""Predict every included case with every frozen model, and export the deep score of each."""

from microcalc.files import read_csv, read_parquet, write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.models import predict

start(snakemake.log[0])
given = snakemake.input
cases, features = included.read(given.included), read_parquet(given.features)
predictions = predict.collect(given.models, given.training, cases, features)
write_csv(predictions, snakemake.output.predictions)
chain, folds = read_csv(given.selected), read_csv(given.crossfit)
write_csv(predict.score_table(cases, features, chain, folds), snakemake.output.deep_scores)
