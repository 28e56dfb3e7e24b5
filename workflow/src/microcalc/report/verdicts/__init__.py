"""Verdicts on the tables of results: what of each a reader must know before the first number.

A verdict takes `rows`, the lines of one CSV file of `evaluation/` in the file's order (`Rows` of
`row_text`: a cell is a number, text, empty or NaN, and a column may be absent), and returns
findings: none where there is nothing to say, and one for all lines that say the same. It judges no
more than the file's columns say, and raises nothing for what a line lacks. Which file a verdict is
asked of says `table_registry`.
"""
