"""What knows no study: errors, files, seeds, logs, and the one reader of tables."""
