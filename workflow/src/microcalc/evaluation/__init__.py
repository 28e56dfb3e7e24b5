"""Performance of the models on each split, with an interval for every estimate."""
