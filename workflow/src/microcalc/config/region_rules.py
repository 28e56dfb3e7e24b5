"""What a file of several regions, of specks, or without directions may mean."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rules:
    """How a file of regions becomes one ROI; see `images` in the config's schema.

    Attributes
    ----------
    components
        What to do with several regions: "refuse" them, take the "largest", or one box around "all".
    speck_mm2
        What is smaller is left out and counted.
    threshold
        The part of its highest value that a pixel of a gray or fractional mask must reach.
    orientation
        Of a NIfTI, NRRD or MHA mask: as its "header" says, its rows and columns as "stored", or
        "rows_reversed".
    """

    components: Literal["refuse", "largest", "all"] = "refuse"
    speck_mm2: float = 0.25
    threshold: float = 0.5
    orientation: Literal["header", "stored", "rows_reversed"] = "header"
