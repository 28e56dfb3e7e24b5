"""The report's tables as text: what each cell says, the same for HTML, Word and LaTeX.

A builder takes `study` (see `microcalc.report`) and returns a `grid.Table`: its first column names
the row, a group row heads the lines of one set, and every other cell is a number as journals print
it, `NA` where there is none. It reads the tables and documents that it names, which must have
lines: `table_registry.make` builds no table of a file that the study has not got.
"""
