"""What rows of the config's `features` and `scores` are called in a sentence."""


def plain(name: str) -> str:
    """Return a row's name as words: `whole_breast` → whole breast."""
    return name.replace("_", " ")


def score(name: str) -> str:
    """Return what a score is called: `deep` → deep score."""
    return f"{plain(name)} score"


def features(name: str) -> str:
    """Return what the columns of a set are called: `deep` → deep features."""
    return f"{plain(name)} features"
