"""Deep features: a convolutional network's pooled activations per view and per case."""
