"""A run as its user sees it: what stops it, what `check` lists, what its end says."""
