"""A breast-imaging study, from raw mammograms to finished figures."""

from snakemake.utils import min_version

min_version("9.27")

if not workflow.overwrite_configfiles:

    # A study's own config replaces the demo's and never merges with it.
    configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/selection.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


onstart:
    refuse_to_start()


onsuccess:
    tell_excluded_images()
    tell_summary()


rule all:
    default_target: True
    input:
        rules.write_report.output,
        rules.write_manuscript.output,
