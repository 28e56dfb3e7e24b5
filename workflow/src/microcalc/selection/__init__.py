"""From thousands of features to a score: scaling, mRMR, LASSO, cross-fitting.

`mrmr`, `lasso`, `scaling`, `discretize` and `filters` are functions of arrays and need numpy, scipy
and numba alone, as does importing `chain`, `coefficient_refit` and `likelihood`. What fits a chain
takes settings and returns tables, what fits without penalty asks whether classes separate, and
`crossfit`, `select`, `training` and `finetuned` read a study: these need
`pip install 'microcalc[workflow]'`.
"""
