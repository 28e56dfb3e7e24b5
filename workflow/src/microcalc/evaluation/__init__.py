"""What the models are worth on each split, with an interval for every estimate."""
