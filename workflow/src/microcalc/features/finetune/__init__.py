"""Fine-tuning: a network for every fold that it never sees, trained on the training set alone."""
