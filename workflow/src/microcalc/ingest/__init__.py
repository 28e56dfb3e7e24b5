"""From a public collection's own files to a study's two tables: a side door before the cohort."""
