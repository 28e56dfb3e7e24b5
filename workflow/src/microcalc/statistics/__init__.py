"""Numerics on arrays, usable without the rest: AUCs, intervals, tests, folds."""
