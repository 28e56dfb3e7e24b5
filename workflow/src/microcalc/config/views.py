"""Mammographic views: their words and codes, and which of them enter a study.

A view is a projection (DICOM PS3.16, CID 4014) and its modifiers (CID 4015). Both have the ACR's
letters for names, but for magnification and spot compression, since nobody would look for an M or
an S in a table. Every job on a cluster reads this again, so it imports the standard library alone.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Literal

from microcalc.core.errors import StudyError, did_you_mean, shown

ALL: Literal["all"] = "all"
STANDARD = ("CC", "MLO")
"""The two views of a screening examination."""

OTHER = "other"
"""What a file calls by a word that nobody knows."""

# Codes are SNOMED's, as SCT and as the SRT or SNM3 of older files, and deprecated ones.
_PROJECTIONS: dict[str, tuple[str, ...]] = {
    "CC": ("cranio-caudal", "399162004", "R-10242"),
    "MLO": ("medio-lateral oblique", "399368009", "R-10226"),
    "ML": ("medio-lateral", "medial-lateral", "399260004", "R-10224"),
    "LM": ("latero-medial", "lateral-medial", "399352003", "R-10228"),
    "LMO": ("latero-medial oblique", "399099002", "R-10230"),
    "FB": ("caudo-cranial", "from below", "399196006", "R-10244"),
    "SIO": ("superolateral to inferomedial oblique", "399188001", "R-102D0"),
    "ISO": ("inferomedial to superolateral oblique", "441555000", "R-40AAA"),
    "XCC": ("cranio-caudal exaggerated", "exaggerated cranio-caudal", "R-102CF"),
    "XCCL": (
        *("cranio-caudal exaggerated laterally", "exaggerated cranio-caudal laterally"),
        *("399192008", "R-1024A", "Y-X1770"),
    ),
    "XCCM": (
        *("cranio-caudal exaggerated medially", "exaggerated cranio-caudal medially"),
        *("399101009", "R-1024B", "Y-X1771"),
    ),
    "SPECIMEN": ("tissue specimen from breast", "127457009", "G-8310"),
}
_MODIFIERS: dict[str, tuple[str, ...]] = {
    "SPOT": ("S", "spot compression", "399055006", "R-102D7"),
    "MAG": ("M", "magnification", "magnified", "399163009", "R-102D6"),
    "ID": ("implant displaced", "399209000", "R-102D5"),
    "AT": ("axillary tail", "399011000", "R-102D1"),
    "CV": ("cleavage", "399161006", "R-102D2"),
    "TAN": ("tangential", "399110001", "R-102C2"),
    "RL": ("rolled lateral", "399197002", "R-102D3"),
    "RM": ("rolled medial", "399226006", "R-102D4"),
    "RI": ("rolled inferior", "414493004", "R-102CA"),
    "RS": ("rolled superior", "415670009", "R-102C9"),
    "NP": ("nipple in profile", "442581004", "R-40AB3"),
    "AC": ("anterior compression", "441752004", "P2-00161"),
    "IMF": ("infra-mammary fold", "442593008", "R-40ABE"),
    "AX": ("axillary tissue", "442580003", "R-40AB2"),
}
PROJECTIONS, MODIFIERS = tuple(_PROJECTIONS), tuple(_MODIFIERS)
NAMES = (*PROJECTIONS, *MODIFIERS)
"""What `images.views` may list."""

_FROM_ABOVE = {"CC", "FB", "XCC", "XCCL", "XCCM"}
_FILLERS = {"VIEW", "PROJECTION"}
# CID 4015 says which modifiers stand before the projection's letters, and which behind.
_ACR = re.compile(
    rf"([MS]{{0,2}})({'|'.join(sorted(_PROJECTIONS, key=len, reverse=True))})"
    r"((?:ID|RL|RM|RI|RS|NP|AC|IMF|AX)*)"
)


class OtherViewError(StudyError):
    """An image is of a view that the study leaves out.

    Attributes
    ----------
    view
        Which one.
    """

    def __init__(self, view: str) -> None:
        super().__init__(f"its view is left out by images.views: {view}")
        self.view = view


@lru_cache(maxsize=1000)
def canonical(text: str) -> str:
    """Return a view's projection and modifiers, such as "CC", "MLO ID", "CC SPOT MAG" or "TAN".

    Parameters
    ----------
    text
        ACR's letters ("MLOID", "SMCC"), DICOM's meanings ("medio-lateral oblique"), or several of
        them in any order ("spot compression CC"); case, hyphens and the word "view" do not matter.

    Returns
    -------
    str
        "" of an empty text, `OTHER` where any word of it is not known, or it names two projections.

    Examples
    --------
    >>> from microcalc.config import views
    >>> [views.canonical(text) for text in ("medio-lateral oblique", "SMCC", "")]
    ['MLO', 'CC SPOT MAG', '']
    """
    names: list[str] = []
    for found in _terms(re.findall(r"[A-Z0-9]+", text.upper())):
        if not found:
            return OTHER
        names += found
    if not names:
        return OTHER if text.strip() else ""
    projections = sorted({name for name in names if name in _PROJECTIONS})
    if len(projections) > 1:
        return OTHER
    return " ".join([*projections, *(name for name in MODIFIERS if name in names)])


def without_side(text: str) -> str:
    """Return the canonical view of a text that may begin with a side, as RCC and LMLO do.

    Examples
    --------
    >>> from microcalc.config import views
    >>> views.without_side("LMLO"), views.without_side("RCC")
    ('MLO', 'CC')
    """
    found, stripped = canonical(text), text.strip()
    if found == OTHER and stripped[:1].upper() in {"L", "R"}:
        return canonical(stripped[1:])
    return found


def projection(view: str) -> str:
    """Return the projection of a canonical view, `OTHER`, or "" where it has none.

    Examples
    --------
    >>> from microcalc.config import views
    >>> views.projection("CC SPOT MAG"), views.modifiers("CC SPOT MAG")
    ('CC', ('SPOT', 'MAG'))
    """
    first = view.partition(" ")[0]
    return first if first in _PROJECTIONS or first == OTHER else ""


def modifiers(view: str) -> tuple[str, ...]:
    """Return the modifiers of a canonical view, see `projection`."""
    return tuple(name for name in view.split() if name in _MODIFIERS)


def joined(projected: str, particulars: Collection[str]) -> str:
    """Return the canonical view of a projection and modifiers.

    Parameters
    ----------
    projected
        A projection, `OTHER`, or "" where there is none.
    particulars
        Modifiers in any order.

    Examples
    --------
    >>> from microcalc.config import views
    >>> views.joined("CC", {"MAG", "SPOT"})
    'CC SPOT MAG'
    """
    return " ".join([*([projected] if projected else []), *sorted(particulars, key=NAMES.index)])


def of_code(value: str, meaning: str) -> str:
    """Return the name of a coded view or modifier; `OTHER` where neither code nor meaning is known.

    Parameters
    ----------
    value
        Code Value (0008,0100); one that is empty is no code.
    meaning
        Code Meaning (0008,0104).
    """
    known = _WORDS.get(_letters(value)) if value.strip() else None
    return known or canonical(meaning) or (OTHER if value.strip() else "")


def is_from_above(view: str) -> bool:
    """Return whether a canonical view runs from head to feet or back, so that a side is on top."""
    return projection(view) in _FROM_ABOVE


def enters(view: str, wanted: Collection[str] | Literal["all"]) -> bool:
    """Return whether a canonical view belongs to the study.

    A view that nobody knows, or none at all, is no reason to leave an image out.

    Parameters
    ----------
    view
        From `canonical`.
    wanted
        The config's `images.views`: the view's projection and all its modifiers must be in it.

    Examples
    --------
    >>> from microcalc.config import views
    >>> [views.enters(view, ["CC", "MLO"]) for view in ("CC", "CC MAG", "ML", "")]
    [True, False, False, True]
    """
    if wanted == ALL:
        return True
    return all(name in wanted for name in view.split() if name != OTHER)


def refuse_others(view: str, wanted: Collection[str] | Literal["all"]) -> None:
    """Refuse a canonical view that does not enter the study.

    Parameters
    ----------
    view
        From `canonical`.
    wanted
        The config's `images.views`.

    Raises
    ------
    OtherViewError
        Where it does not, see `enters`.
    """
    if not enters(view, wanted):
        raise OtherViewError(view)


def problem(text: str) -> str:
    """Return what is wrong with a table's word for a view, as a part of a sentence, or nothing."""
    if canonical(text) != OTHER:
        return ""
    near = did_you_mean(text, NAMES)
    if without_side(text) not in {"", OTHER}:
        near = f" (write {without_side(text)!r}, and its side in column laterality)"
    return (
        f"{shown(text)} is no view that is known{near}; there are {', '.join(PROJECTIONS)}, alone "
        f"or with {', '.join(MODIFIERS)}"
    )


def _terms(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the names behind each run of tokens, the longest runs first; () for an unknown one."""
    at = 0
    while at < len(tokens):
        for end in range(len(tokens), at, -1):
            known = _WORDS.get("".join(tokens[at:end]))
            if known:
                yield (known,)
                at = end
                break
        else:
            if tokens[at] not in _FILLERS:
                yield _of_letters(tokens[at])
            at += 1


def _of_letters(token: str) -> tuple[str, ...]:
    """Return the names in ACR's letters written together, such as MLOID."""
    match = _ACR.fullmatch(token)
    if match is None:
        return ()
    before, projected, behind = match.groups()
    particulars = [_WORDS[letter] for letter in before] + re.findall("IMF|..", behind)
    return (projected, *particulars)


def _letters(text: str) -> str:
    return "".join(re.findall(r"[A-Z0-9]+", text.upper()))


def _words(*registers: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the name behind each word and code, written without spaces and hyphens."""
    return {
        _letters(word): name
        for register in registers
        for name, more in register.items()
        for word in (name, *more)
    }


_WORDS = _words(_PROJECTIONS, _MODIFIERS)
