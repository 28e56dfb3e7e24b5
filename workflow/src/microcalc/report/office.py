"""Word and LaTeX for manuscripts: the draft as .docx, tables as .docx and .tex.

The .docx is written directly (ECMA-376, part 1): a few paragraphs and tables need no more, and
the same results give the same bytes, which no library promises.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from microcalc.core.files import atomic_path
from microcalc.report.grid import Row, Table
from microcalc.report.literal_text import as_plain, literal

_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"

_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/_rels/document.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
}


def _style(name: str, label: str, size: int, *, bold: bool, after: int = 120) -> str:
    weight = "<w:b/>" if bold else ""
    outline = f'<w:outlineLvl w:val="{int(name[-1]) - 1}"/>' if name[-1].isdigit() else ""
    default = ' w:default="1"' if name == "Normal" else ""
    return (
        f'<w:style w:type="paragraph"{default} w:styleId="{name}"><w:name w:val="{label}"/>'
        f'<w:pPr><w:spacing w:after="{after}"/>{outline}</w:pPr>'
        f'<w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman"/>{weight}'
        f'<w:sz w:val="{size}"/></w:rPr></w:style>'
    )


_STYLES = (
    f'<w:styles xmlns:w="{_NAMESPACE}">'
    + _style("Normal", "Normal", 24, bold=False)
    + _style("Cell", "Table cell", 16, bold=False, after=20)
    + "".join(_style(f"Heading{n}", f"heading {n}", 34 - 4 * n, bold=True) for n in (1, 2, 3))
    + "</w:styles>"
)


def write_markdown(text: str, path: str | Path) -> None:
    """Write Markdown of headings, paragraphs, list items and **bold** words as .docx.

    Parameters
    ----------
    text
        A heading (one to three #), paragraph or item a line. Marks that `literal_text` has set
        apart stand in the file as they were written.
    path
        The file to write; the same text gives the same bytes.
    """
    _write([_block(line) for line in text.splitlines() if line], path)


def write_table(table: Table, title: str, path: str | Path) -> None:
    """Write one table with its title above and its note below as .docx, sideways when wide.

    Parameters
    ----------
    table
        Its cells are taken literally: nothing in them is Markdown.
    title
        What stands above it.
    path
        The file to write; the same table gives the same bytes.
    """
    blocks = [_paragraph(f"**{title}**"), _table(table)]
    blocks += [_paragraph(table.note)] if table.note else []
    _write(blocks, path, sideways=_letters_wide(table) > WIDEST)


def _write(blocks: Iterable[str], path: str | Path, *, sideways: bool = False) -> None:
    size = 'w:w="15840" w:h="12240" w:orient="landscape"' if sideways else 'w:w="12240" w:h="15840"'
    edges = " ".join(f'w:{side}="1080"' for side in ("top", "right", "bottom", "left"))
    margins = f'<w:pgMar {edges} w:header="720" w:footer="720" w:gutter="0"/>'
    page = f"<w:sectPr><w:pgSz {size}/>{margins}</w:sectPr>"
    document = f'<w:document xmlns:w="{_NAMESPACE}"><w:body>{"".join(blocks)}{page}</w:body>'
    parts = _PARTS | {"word/document.xml": document + "</w:document>", "word/styles.xml": _STYLES}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, text in parts.items():
            # a fixed time: the same text is the same file
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _HEAD + text)


def _block(line: str) -> str:
    heading = re.match(r"(#{1,3}) (.*)", line)
    if heading:
        return _paragraph(heading[2], style=f"Heading{len(heading[1])}")
    return _paragraph(re.sub(r"^- ", "• ", line))


def _paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(_runs(text))}</w:p>"


def _runs(text: str) -> Iterator[str]:
    for i, part in enumerate(text.split("**")):
        if part:
            bold = "<w:rPr><w:b/></w:rPr>" if i % 2 else ""
            yield f'<w:r>{bold}<w:t xml:space="preserve">{escape(as_plain(part))}</w:t></w:r>'


def _table(table: Table) -> str:
    rule = '<w:{0} w:val="single" w:sz="8" w:space="0" w:color="000000"/>'
    borders = "".join(rule.format(side) for side in ("top", "bottom"))
    n = len(table.columns)
    widths = [_TWIPS_A_LETTER * letters + _TWIPS_BETWEEN for letters in _letters(table)]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    # repeated on every page that the table reaches
    head = "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>"
    rows = []
    if table.spans:
        spans = "".join(_bold_cell(text, size) for text, size in table.spans)
        rows.append(f"{head}{spans}</w:tr>")
    rows.append(head + "".join(_bold_cell(name) for name in table.columns) + "</w:tr>")
    rows += [f"<w:tr>{_cells(row, n)}</w:tr>" for row in table.rows]
    width = '<w:tblW w:w="5000" w:type="pct"/>'
    properties = f"<w:tblPr>{width}<w:tblBorders>{borders}</w:tblBorders></w:tblPr>"
    # Word wants a paragraph between a table and the end
    return f"<w:tbl>{properties}<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl><w:p/>"


def _cells(row: Row, n: int) -> str:
    if row.kind == "group":
        return _bold_cell(row.cells[0], n)
    first = ("\u2003" if row.kind == "level" else "") + row.cells[0]
    return "".join(_cell(literal(text)) for text in (first, *row.cells[1:]))


def _bold_cell(text: str, span: int = 1) -> str:
    return _cell(f"**{literal(text)}**" if text else "", span)


def _cell(text: str, span: int = 1) -> str:
    wide = f'<w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr>' if span > 1 else ""
    return f"<w:tc>{wide}{_paragraph(text, style='Cell')}</w:tc>"


WIDEST = 95
"""Letters in a line that a page of a journal takes upright."""

# in cells of 8 points
_TWIPS_A_LETTER, _TWIPS_BETWEEN = 80, 240

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "−": r"\ensuremath{-}",
    "±": r"\ensuremath{\pm}", "≥": r"\ensuremath{\ge}", "≤": r"\ensuremath{\le}",
    "²": r"\textsuperscript{2}", "λ": r"\ensuremath{\lambda}", "ρ": r"\ensuremath{\rho}",
    # after the \\ of a row these two would be its options
    "[": "{[}", "*": "{*}",
}  # fmt: skip


def latex(text: str) -> str:
    r"""Return `text` with every character that LaTeX reads as a command written out.

    Examples
    --------
    >>> from microcalc.report import office
    >>> print(office.latex("5 % of A_B, −0.02 to 0.05"))
    5 \% of A\_B, \ensuremath{-}0.02 to 0.05
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def latex_table(table: Table, title: str) -> str:
    r"""Return a table environment for `\\input`; it needs the packages booktabs and rotating.

    Parameters
    ----------
    table
        Its cells are plain text, see `latex`. One too wide for the page is set sideways.
    title
        Its caption.
    """
    n = len(table.columns)
    wide = _letters_wide(table) > WIDEST
    environment, size, gap = (
        ("sidewaystable", r"\scriptsize", 2) if wide else ("table", r"\small", 3)
    )
    lines = [
        f"% \\usepackage{{booktabs{',rotating' if wide else ''}}}",
        rf"\begin{{{environment}}}",
        rf"\caption{{{latex(title)}}}",
        rf"{size}\setlength{{\tabcolsep}}{{{gap}pt}}",
        rf"\begin{{tabular}}{{{'l' * n}}}",
        r"\toprule",
    ]
    if table.spans:
        lines += _latex_spans(table.spans)
    lines += [" & ".join(latex(name) for name in table.columns) + r" \\", r"\midrule"]
    for row in table.rows:
        if row.kind == "group":
            lines.append(rf"\multicolumn{{{n}}}{{l}}{{\textbf{{{latex(row.cells[0])}}}}} \\")
        else:
            indent = r"\quad " if row.kind == "level" else ""
            lines.append(indent + " & ".join(latex(cell) for cell in row.cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip {latex(table.note)}"] if table.note else []
    return "\n".join([*lines, rf"\end{{{environment}}}"]) + "\n"


def _latex_spans(spans: tuple[tuple[str, int], ...]) -> list[str]:
    """Return headings over several columns each, with a rule under those that have a text."""
    heads, rules, first = [], [], 1
    for text, size in spans:
        heads.append(rf"\multicolumn{{{size}}}{{l}}{{{latex(text)}}}")
        if text:
            rules.append(rf"\cmidrule(r){{{first}-{first + size - 1}}}")
        first += size
    return [" & ".join(heads) + r" \\", " ".join(rules)]


def _letters_wide(table: Table) -> int:
    """Return how many letters the widest cells of all columns have together."""
    return sum(_letters(table)) + 2 * len(table.columns)


def _letters(table: Table) -> list[int]:
    """Return how many letters the widest cell of each column has."""
    rows = [table.columns, *(row.cells for row in table.rows if row.kind != "group")]
    return [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
