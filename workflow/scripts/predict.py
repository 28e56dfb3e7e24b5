"""Predict every included case with every frozen model."""

import pandas as pd

from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.models import predict

start(snakemake.log[0])
predictions = predict.collect(
    snakemake.input.models,
    snakemake.input.training,
    included.read(snakemake.input.included),
    pd.read_parquet(snakemake.input.features),
)
write_csv(predictions, snakemake.output.predictions)
