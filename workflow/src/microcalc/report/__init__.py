"""The page and the texts, made from what stands in the results folder."""
