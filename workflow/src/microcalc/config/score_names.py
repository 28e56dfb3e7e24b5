"""What a score is called: as a column of cases, and in a sentence.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

SCORE_SUFFIX = "_score"


def score_column(score: str) -> str:
    """Return the column of cases, and the variable of a term, that holds a score.

    Examples
    --------
    >>> from microcalc.config import score_names
    >>> score_names.score_column("deep"), score_names.score_of("deep_score")
    ('deep_score', 'deep')
    """
    return f"{score}{SCORE_SUFFIX}"


def score_of(variable: str) -> str:
    """Return the score that a term of kind score is, the inverse of `score_column`."""
    return variable.removesuffix(SCORE_SUFFIX)


def score_words(score: str) -> str:
    """Return what a score is called in a sentence.

    Examples
    --------
    >>> from microcalc.config import score_names
    >>> score_names.score_words("whole_breast")
    'whole breast score'
    """
    return f"{score.replace('_', ' ')} score"
