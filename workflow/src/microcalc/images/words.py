"""Allowed words of a header's free text: in a result stands a known one, or "other".

People write names, dates and hospitals into fields that are meant for something else. Views have
their words in `microcalc.config.views`.
"""

from pydicom.uid import UID

OTHER = "other"

_EXPLANATIONS = {
    "NORMAL", "HARDER", "SOFTER", "HARD", "SOFT", "USER", "USER1", "USER2", "USER3", "DEFAULT",
    "STANDARD", "ORIGINAL", "LINEAR", "SIGMOID", "LOW", "MEDIUM", "HIGH", "LOW CONTRAST",
    "MEDIUM CONTRAST", "HIGH CONTRAST", "BRIGHT", "DARK", "BRIGHTER", "DARKER", "DENSE", "FATTY",
    "BREAST", "IMPLANT", "SKIN", "WINDOW", "WINDOW1", "WINDOW2", "WINDOW3", "WIDE", "NARROW",
}  # fmt: skip
# PS3.3 C.7.6.3.1.2.
_PHOTOMETRIC = {
    "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "HSV", "ARGB", "CMYK", "YBR_FULL",
    "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB",
}  # fmt: skip


def explanation(text: str) -> str:
    """Return a common explanation of a window or table as it is, other text as "other".

    Parameters
    ----------
    text
        WindowCenterWidthExplanation or LUTExplanation.

    Returns
    -------
    str
        Never what somebody typed.

    Examples
    --------
    >>> from microcalc.images import words
    >>> words.explanation("NORMAL"), words.explanation("for Dr Smith")
    ('NORMAL', 'other')
    """
    return _known(text, _EXPLANATIONS)


def photometric(text: str) -> str:
    """Return a defined term of PhotometricInterpretation as it is, other text as "other".

    Parameters
    ----------
    text
        PhotometricInterpretation.

    Returns
    -------
    str
        Never what somebody typed.

    Examples
    --------
    >>> from microcalc.images import words
    >>> words.photometric("MONOCHROME2"), words.photometric("grey")
    ('MONOCHROME2', 'other')
    """
    return _known(text, _PHOTOMETRIC)


def name_of_uid(text: str) -> str:
    """Return the name of a UID of the standard; one that it does not know is "other".

    Parameters
    ----------
    text
        A UID.

    Returns
    -------
    str
        Never the UID itself.

    Examples
    --------
    >>> from microcalc.images import words
    >>> words.name_of_uid("1.2.840.10008.1.2.1"), words.name_of_uid("1.2.3.4")
    ('Explicit VR Little Endian', 'other')
    """
    name = UID(text).name
    return OTHER if text and name == text else name


def _known(text: str, known: set[str]) -> str:
    return text if not text or text.strip().upper() in known else OTHER
