"""Compare the frozen and the fine-tuned deep models where the choice between them was made."""

from microcalc.core.files import read_json, write_csv
from microcalc.core.logs import start
from microcalc.evaluation import finetuning, predictions

start(snakemake.log[0])
rows = predictions.read(snakemake.input.predictions)
choice = read_json(snakemake.input.choice[0])
table = finetuning.table(rows, choice, confidence=snakemake.params.confidence)
write_csv(table, snakemake.output.finetuning)
