"""Compare the frozen and the fine-tuned deep models where the choice between them was made."""

from microcalc.core import job_records
from microcalc.core.files import read_json, write_csv
from microcalc.evaluation import finetuning, predictions

job = job_records.begin(snakemake)
rows = predictions.read(snakemake.input.predictions)
choice = read_json(snakemake.input.choice[0])
asked = snakemake.params
table = finetuning.table(rows, choice, asked.finetuned, confidence=asked.confidence)
write_csv(table, snakemake.output.finetuning)
job.leave_record()
