"""What Snakemake must know before a job runs: paths, shards, digests, what reruns."""
