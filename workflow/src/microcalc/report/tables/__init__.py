"""The report's tables as text: what each cell says, the same for HTML, Word and LaTeX."""
