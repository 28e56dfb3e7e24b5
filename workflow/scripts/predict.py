"""Predict every included case with every frozen model, and export the scores of each."""

from microcalc.core import job_records
from microcalc.core.files import read_csv, read_parquet, write_csv
from microcalc.evaluation import transductive
from microcalc.images import included
from microcalc.models import predict

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
cases = included.read(given.included)
features = dict(zip(how.tables, map(read_parquet, given.features), strict=True))
predictions = predict.collect(given.models, given.training, cases, features)
write_csv(transductive.labelled(predictions, how.harmonize), snakemake.output.predictions)
scores = predict.score_table(
    cases,
    features,
    how.scores,
    selected=dict(zip(how.scores, map(read_csv, given.selected), strict=True)),
    crossfit=dict(zip(how.scores, map(read_csv, given.crossfit), strict=True)),
)
write_csv(transductive.labelled(scores, how.harmonize), snakemake.output.scores)
job.leave_record()
