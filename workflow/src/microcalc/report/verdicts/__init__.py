"""Verdicts on the tables of results: what of each a reader must know before the first number."""
