"""Which mask is drawn on which image, by their names."""

from collections import defaultdict
from collections.abc import Mapping

from microcalc.ingest.file_names import Named
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Place

Key = tuple[str, str]


def of_images(
    ledger: Ledger, masks: Mapping[Place, Named], images: Mapping[Place, Named]
) -> dict[Place, Place]:
    """Return the mask of each image that has one; leave masks that belong to no single image.

    A mask's keys are tried in their order, and the first that any image has decides. Nothing is
    guessed: of several masks of one image, none is taken.

    Parameters
    ----------
    ledger
        Where masks are left.
    masks, images
        What their names say, by place.

    Returns
    -------
    dict
        Places of masks by the place of their image.
    """
    by_key: dict[Key, list[Place]] = defaultdict(list)
    for place, named in images.items():
        for key in named.keys:
            by_key[key].append(place)
    drawn_on: dict[Place, list[Place]] = defaultdict(list)
    for place, named in masks.items():
        fitting = next((by_key[key] for key in named.keys if key in by_key), [])
        if not fitting:
            ledger.leave(place, "a mask without an image of its name that is taken")
        elif len(fitting) > 1:
            ledger.leave(place, "a mask whose name fits several images")
        else:
            drawn_on[fitting[0]].append(place)
    for several in (places for places in drawn_on.values() if len(places) > 1):
        for place in several:
            ledger.leave(place, "one of several masks of one image; name one in roi_path")
    return {image: places[0] for image, places in drawn_on.items() if len(places) == 1}
