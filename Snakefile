"""A breast-imaging study, from raw mammograms to finished figures."""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/config.smk"
include: "workflow/rules/common.smk"


for room in ROOMS:

    include: f"workflow/rules/{room}.smk"


complete_rules()


onstart:
    refuse_to_start()


onsuccess:
    tell_outcome()


rule all:
    default_target: True
    input:
        finished,


rule apply:
    input:
        finished,
