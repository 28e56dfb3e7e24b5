"""The page and the texts, made from what stands in the results folder.

Names that mean the same in every module here:

study
    A `study.Study`: the config and the results that were read. A function names the table or
    document that it takes from it; where the study has not got that one it raises KeyError, unless
    it says what it returns instead.
config
    A `StudyConfig`, frozen, every default filled in.
split, kind
    A set (`train`, `internal` or `external`) and how its cases were predicted (`apparent`,
    `out_of_fold`, `held_out` or `recalibrated`), as in `evaluation/metrics.csv`.
score, model
    Names of rows of the config's `scores` and `models`.

Sentences are plain text with numbers as journals print them (`format`), and an empty text stands
for nothing to say. Marks of Markdown in a user's words are left as they are: the page escapes
them, and `literal_text` does it for the manuscript.
"""
