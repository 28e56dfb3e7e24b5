"""From thousands of deep features to a deep score: scaling, mRMR, LASSO, cross-fitting."""
