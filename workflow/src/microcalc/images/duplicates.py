"""Duplicate images: one mammogram under two names, at worst a patient on both sides of a split."""

from collections.abc import Iterable

import pandas as pd

_SAME = {"pixel_digest": "the same pixels", "uid_digest": "the same SOPInstanceUID"}
_FLAGS = {"pixel_digest": "same_pixels", "uid_digest": "same_sop_instance_uid"}


def find(images: pd.DataFrame, cases: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the duplicate images: what must stop the study, and what a person should know.

    Parameters
    ----------
    images
        image_id, case_id, pixel_digest and uid_digest; an empty digest matches nothing.
    cases
        case_id, patient_id and split. Images of other cases are left out.

    Returns
    -------
    errors : list of str
        Equal images of two patients or two splits, one sentence each.
    warnings : list of str
        Equal images within one patient and split.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.images import duplicates
    >>> images = pd.DataFrame({"image_id": ["a", "b"], "case_id": ["A", "B"]})
    >>> images["pixel_digest"], images["uid_digest"] = "1f3a", ""
    >>> cases = {"case_id": ["A", "B"], "patient_id": ["P", "Q"], "split": ["train", "external"]}
    >>> errors, warnings = duplicates.find(images, pd.DataFrame(cases))
    >>> errors, warnings
    (['image a (case A, train), image b (case B, external) have the same pixels'], [])
    """
    known = images.merge(cases[["case_id", "patient_id", "split"]], on="case_id")
    errors: set[str] = set()
    warnings: set[str] = set()
    for column, what in _SAME.items():
        equal = known[(known[column] != "") & known.duplicated(column, keep=False)]
        for _, group in equal.groupby(column, sort=True):
            sentence = f"{_listed(group)} have {what}"
            if len(group[["patient_id", "split"]].drop_duplicates()) > 1:
                errors.add(sentence)
            else:
                warnings.add(sentence)
    return sorted(errors), sorted(warnings - errors)


def flags(images: pd.DataFrame) -> dict[str, list[str]]:
    """Return the quality control flags of every image that stands under several names.

    Parameters
    ----------
    images
        As for `find`.

    Returns
    -------
    dict
        From image_id to flags, of images that have any.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.images import duplicates
    >>> images = pd.DataFrame({"image_id": ["a", "b", "c"], "uid_digest": ""})
    >>> duplicates.flags(images.assign(pixel_digest=["1f3a", "1f3a", "77c0"]))
    {'a': ['same_pixels'], 'b': ['same_pixels']}
    """
    found: dict[str, list[str]] = {}
    for column, flag in _FLAGS.items():
        equal = images[(images[column] != "") & images.duplicated(column, keep=False)]
        for image_id in equal["image_id"]:
            found.setdefault(str(image_id), []).append(flag)
    return found


def _listed(group: pd.DataFrame) -> str:
    rows: Iterable[tuple[str, str, str]] = sorted(
        zip(group["image_id"], group["case_id"], group["split"], strict=True)
    )
    return ", ".join(f"image {image} (case {case}, {split})" for image, case, split in rows)
