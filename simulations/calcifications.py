"""Single calcifications: which are found, how many, and how near their measures are to the truth.

Regions are cut from phantoms around the lesion, each exposed with a spacing, a dose and a gray
scale of its own; the truth is what the phantom holds, drawn at 0.02 mm. Calcifications closer than
two pixels are one, and one whose middle lies outside the region is none; its size is the diameter
of the circle of its area. It is found where a third of it, or of the finding where that is smaller,
lies on the other; false are findings on no calcification. Count and descriptors are compared with
all calcifications of the region, whatever their size and contrast, found or not; shapes only of
single calcifications of 0.5 mm on. Rows with `hard` have what looks like calcifications: two
vessels and two scratches across the window, or the skin within it.

Phantoms that the method was tuned on are drawn from another seed than those of the table:

    python simulations/calcifications.py [regions per cell]
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

from microcalc.core.seeds import stream
from microcalc.features import calcification_descriptors, calcification_detection
from microcalc.features.calcification_detection import Particle
from microcalc.images.region_image import RegionImage
from microcalc.simulate import cohort, lesion
from microcalc.simulate.attenuation import FAT, render
from microcalc.simulate.lesion import Calcification
from microcalc.simulate.phantom import Phantom

TUNING_SEED = 7
CELLS = tuple(
    {"spacing_mm": spacing, "dose": dose, "gray": gray, "hard": hard}
    for spacing, dose, gray, hard in [
        (0.05, 1.0, "linear", "no"),
        (0.05, 0.5, "gamma", "no"),
        (0.07, 1.0, "linear", "no"),
        (0.07, 0.5, "gamma", "no"),
        (0.1, 1.0, "linear", "no"),
        (0.1, 0.5, "gamma", "no"),
        (0.1, 1.0, "8 bits", "no"),
        (0.07, 1.0, "linear", "lines"),
        (0.07, 1.0, "linear", "skin"),
    ]
)
REPLICATES = 60
SAMPLE = 8
FINE_MM = 0.02
MARGIN_MM = 3.0
PHOTONS = 1.2e5
"""That reach a pixel of 0.085 mm without a breast, at a dose of 1."""
COVERED = 1 / 3
"""Of a calcification or a finding, the smaller, that has to lie on the other."""
SIZES_MM = (0.15, 0.2, 0.3, 0.5, math.inf)
LOWEST = 3.5
"""Least score of a finding on the curves."""
GOALS = {
    "found_large_at_1": (">=", 0.9),
    "error_hull_mm2": ("<=", 0.15),
    "error_eccentricity": ("<=", 0.15),
    "error_neighbor_median_mm": ("<=", 0.15),
    "error_tree_mm": ("<=", 0.15),
    "error_linearity": ("<=", 0.15),
    "elongation_rank_correlation": (">=", 0.8),
}
HELD = {
    "count_correlation": (">=", 0.8),
    "error_count": ("<=", 0.22),
    "error_per_cm2": ("<=", 0.22),
    "error_area_total_mm2": ("<=", 0.22),
    "error_area_median_mm2": ("<=", 0.36),
    "solidity_rank_correlation": (">=", 0.65),
}
"""Where the goals, 0.9, 0.15 and 0.8, are not reached: what the tuning phantoms showed is held."""
HARD = {"lines": (0.75, 2.5), "skin": (0.85, 1.0)}
"""Least share found and most false findings a region, at the threshold."""
FALSE_PER_REGION = (0.25, 0.5, 1.0, 2.0, 4.0)
MEASURES = (
    *("count", "per_cm2", "area_total_mm2", "area_median_mm2", "hull_mm2", "eccentricity"),
    *("neighbor_median_mm", "tree_mm", "linearity"),
)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """A region's calcifications.

    Attributes
    ----------
    shapes
        Of each.
    single
        Whether it is one calcification, not several that lie too close.
    counts
        Whether it is in the region, and not where nothing is counted.
    label
        Number of the calcification, from 1, of each pixel of `FINE_MM` in the window.
    """

    shapes: list[calcification_descriptors.Shape]
    single: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.bool_]
    label: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Case:
    """A region as a study would have it, and what it holds."""

    image: RegionImage
    truth: Truth


def cases(cell: Mapping[str, Any], number: int, rng: np.random.Generator) -> Iterator[Case]:
    """Yield regions of as many patients."""
    tables = cohort.draw(
        int(rng.integers(2**31)),
        n_negative=number // 2,
        n_positive=number - number // 2,
        field_mm=cohort.TINY_FIELD_MM,
    )
    for row in tables.phantoms.drop_duplicates("patient_id").to_dict("records"):
        if cell["hard"] == "skin":
            row["lesion_x_mm"] = row["breast_width_mm"] - 0.5 * row["extent_mm"]
        phantom = Phantom.from_row({str(key): value for key, value in row.items()})
        yield _case(phantom, cell, int(rng.integers(2**31)), rng)


def _case(phantom: Phantom, cell: Mapping[str, Any], seed: int, rng: np.random.Generator) -> Case:
    spacing = cell["spacing_mm"]
    body = render(phantom, spacing_mm=spacing, blur_mm=rng.uniform(0.05, 0.09), seed=seed)
    shape = body.inside.shape
    box = np.array(lesion.box(phantom, seed=seed))[[1, 0, 3, 2]] / spacing
    low, high = np.maximum(np.floor(box[:2]), 0), np.minimum(np.ceil(box[2:]), shape)
    region = np.zeros(shape, dtype=bool)
    region[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] = True
    margin = MARGIN_MM / spacing
    low, high = (
        np.maximum(low - margin, 0).astype(int),
        np.minimum(high + margin, shape).astype(int),
    )
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    line = body.line_integral[window].astype(np.float64)
    if cell["hard"] == "lines":
        line += _vessels(line.shape, spacing, rng)
    photons = PHOTONS * cell["dose"] * (spacing / 0.085) ** 2
    counted = np.maximum(rng.poisson(photons * np.exp(-line)), 1)
    line = np.log(photons) - np.log(counted) + 0.9 * body.fat_deficit[window]
    if cell["hard"] == "lines":
        line += _scratches(line.shape, spacing, rng)
    inside = body.inside[window] > 0.5
    line = np.where(inside, line - FAT * phantom.thickness_mm, -0.3)
    bits = 8 if cell["gray"] == "8 bits" else 12
    image = RegionImage(
        pixels=_gray(line, inside, cell["gray"], bits, rng),
        region=region[window],
        breast=_coarse(inside, max(1, round(0.8 / spacing))),
        spacing_mm=(spacing, spacing),
        bits_stored=bits,
    )
    return Case(image, _truth(body.calcifications, low * spacing, image, inside))


def _coarse(mask: npt.NDArray[np.bool_], step: int) -> npt.NDArray[np.bool_]:
    """Return a mask as the coarse grid of `images.breast` keeps it."""
    cells = mask[step // 2 :: step, step // 2 :: step] if min(mask.shape) > step else mask[:1, :1]
    return np.pad(cells.repeat(step, 0).repeat(step, 1), [(0, step), (0, step)], "edge")[
        : mask.shape[0], : mask.shape[1]
    ]


def _gray(
    line: Floats, inside: npt.NDArray[np.bool_], gray: str, bits: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return codes of a center's own gray scale: black, white and gamma are drawn."""
    low, high = np.percentile(line[inside], [0.1, 99.95])
    black, white = rng.uniform(0.05, 0.2), rng.uniform(0.6, 0.95)
    share = np.clip((line - low) / (high - low), 0, 1.2)
    if gray == "gamma":
        share = share ** rng.uniform(0.6, 1.6)
    codes = (black + (white - black) * share) * (2**bits - 1)
    return np.clip(np.rint(codes), 0, 2**bits - 1).astype(np.float32)


def _vessels(shape: tuple[int, ...], spacing: float, rng: np.random.Generator) -> Floats:
    """Return vessels across the window: bent rods of 0.4 to 1 mm, in their line integrals."""
    total = np.zeros(shape)
    for _ in range(2):
        radius, depth = rng.uniform(0.2, 0.5), rng.uniform(0.06, 0.12)
        away = np.abs(_away(shape, spacing, rng.uniform(-0.02, 0.02), rng))
        total += depth * np.sqrt(np.clip(1 - (away / radius) ** 2, 0, None))
    return np.asarray(ndimage.gaussian_filter(total, 0.07 / spacing))


def _scratches(shape: tuple[int, ...], spacing: float, rng: np.random.Generator) -> Floats:
    """Return scratches: straight, a pixel wide, of calcifications' contrast, not blurred."""
    total = np.zeros(shape)
    for _ in range(2):
        away = np.abs(_away(shape, spacing, 0.0, rng)) / spacing
        total += rng.uniform(0.08, 0.3) * np.clip(1.2 - away, 0, 1)
    return total


def _away(shape: tuple[int, ...], spacing: float, bend: float, rng: np.random.Generator) -> Floats:
    """Return each pixel's distance, mm, from a line or parabola through the window."""
    angle = rng.uniform(0, np.pi)
    y, x = (np.indices(shape) + 0.5) * spacing
    y, x = (v - rng.uniform(0.25, 0.75) * n * spacing for v, n in zip((y, x), shape, strict=True))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((across - bend * along**2) / np.hypot(1, 2 * bend * along))


def _truth(
    found: Sequence[Calcification],
    corner: Floats,
    image: RegionImage,
    inside: npt.NDArray[np.bool_],
) -> Truth:
    spacing = image.spacing_mm[0]
    size = tuple(math.ceil(n * spacing / FINE_MM) for n in image.pixels.shape)
    exact, joined = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for one in found:
        _draw(exact, one, corner, 0.0)
        _draw(joined, one, corner, spacing)
    joined_label, number = ndimage.label(joined, np.ones((3, 3)))
    label = np.where(exact, joined_label, 0)
    boxes = ndimage.find_objects(label, max_label=number)
    shapes = [_shape(label, k + 1, box) for k, box in enumerate(boxes)]
    outlined = [k for k, one in enumerate(shapes) if one is not None]
    renumbered = np.zeros(number + 1, dtype=np.int32)
    renumbered[np.array(outlined, dtype=int) + 1] = np.arange(len(outlined)) + 1
    kept = [one for one in shapes if one is not None]
    middles = [np.floor((one.center[::-1] - corner) / FINE_MM).astype(int) for one in found]
    there = [joined_label[tuple(at)] for at in middles if (at >= 0).all() and (at < size).all()]
    several = np.bincount(there, minlength=number + 1)[1:]
    far = ndimage.distance_transform_edt(inside) * spacing if not inside.all() else None
    counts = []
    for one in kept:
        row, column = (min(int(v / spacing), n - 1)
                       for v, n in zip(one.center, inside.shape, strict=True))  # fmt: skip
        edge = min(*one.center, *(np.array(inside.shape) * spacing - one.center))
        counts.append(
            bool(image.region[row, column])
            and edge > calcification_detection.WINDOW_MM
            and (far is None or far[row, column] > calcification_detection.SKIN_MM + 0.8)
        )
    single = several[outlined] == 1
    return Truth(kept, single, np.array(counts, dtype=bool), renumbered[label])


def _draw(canvas: npt.NDArray[np.bool_], one: Calcification, corner: Floats, wider: float) -> None:
    """Draw a calcification's strokes, so much wider on all sides, in place."""
    reach = float(np.abs(one.strokes[:, :4]).max() + one.strokes[:, 4].max()) + wider
    middle = one.center[::-1] - corner
    low = np.maximum(np.floor((middle - reach) / FINE_MM), 0).astype(int)
    high = np.minimum(np.ceil((middle + reach) / FINE_MM), canvas.shape).astype(int)
    if (high <= low).any():
        return
    y = (np.arange(low[0], high[0])[:, None] + 0.5) * FINE_MM - middle[0]
    x = (np.arange(low[1], high[1])[None, :] + 0.5) * FINE_MM - middle[1]
    part = canvas[low[0] : high[0], low[1] : high[1]]
    for x0, y0, x1, y1, radius in one.strokes:
        dx, dy = x1 - x0, y1 - y0
        share = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        part |= np.hypot(x - x0 - share * dx, y - y0 - share * dy) <= radius + wider


def _shape(
    label: npt.NDArray[np.int32], number: int, box: tuple[slice, slice] | None
) -> calcification_descriptors.Shape | None:
    if box is None:
        return None
    y, x = np.nonzero(label[box] == number)
    points = np.column_stack([y + box[0].start, x + box[1].start]) * FINE_MM
    center = points.mean(axis=0) + FINE_MM / 2
    (yy, xy), (_, xx) = np.atleast_2d(np.cov(points.T, bias=True)) + np.eye(2) * FINE_MM**2 / 12
    elongation, direction = calcification_descriptors.axes(xx, yy, xy)
    corners = np.concatenate([points + np.array([a, b]) * FINE_MM for a in (0, 1) for b in (0, 1)])
    hull = spatial.ConvexHull(corners)
    area = len(points) * FINE_MM**2
    return calcification_descriptors.Shape(
        center, area, elongation, direction, area / hull.volume, corners[hull.vertices]
    )


@dataclass(frozen=True, eq=False)
class Judged:
    """One region's findings beside its truth.

    Attributes
    ----------
    score
        Of each calcification, that of the finding which covers it; -inf where none does.
    own
        Of each calcification, the finding that it shares with no other; -1 where there is none.
    false
        Scores of the findings on no calcification.
    counted
        Whether a finding lies where findings count.
    """

    case: Case
    particles: tuple[Particle, ...]
    score: Floats
    own: npt.NDArray[np.int64]
    false: Floats
    counted: npt.NDArray[np.bool_]


def judge(case: Case, particles: tuple[Particle, ...]) -> Judged:
    """Lay the findings of a region beside its truth."""
    truth = case.truth
    number = len(truth.shapes)
    drawn = _drawn(particles, truth.label.shape, case.image.spacing_mm[0])
    both = np.zeros((number + 1, len(particles) + 1))
    np.add.at(both, (truth.label.ravel(), drawn.ravel()), FINE_MM**2)
    shared = both[1:, 1:]
    areas = np.array([one.area_mm2 for one in truth.shapes]).reshape(-1, 1)
    smaller = np.minimum(areas, both[:, 1:].sum(axis=0))
    covered = (shared >= COVERED * smaller) & (shared > 0)
    scores = np.array([one.score for one in particles])
    score = np.where(covered, scores, -np.inf).max(axis=1, initial=-np.inf)
    alone = covered & (covered.sum(axis=0) == 1)
    own = np.where(
        alone.any(axis=1),
        (shared * alone).argmax(
            axis=1,
        )
        if len(particles)
        else -1,
        -1,
    )
    on = shared.max(axis=0, initial=0.0) > 0
    beside = on & ~(shared[truth.counts] > 0).any(axis=0)
    return Judged(case, particles, score, own, scores[~on], ~beside)


def _drawn(
    particles: Sequence[Particle], shape: tuple[int, ...], spacing: float
) -> npt.NDArray[np.int32]:
    """Return the number of the finding, from 1, of each pixel of the truth."""
    picture = Image.new("I", shape[::-1])
    canvas = ImageDraw.Draw(picture)
    for number, particle in enumerate(particles, start=1):
        for outline in particle.outlines:
            corners = (outline[:, ::-1] + 0.5) * (spacing / FINE_MM) - 0.5
            canvas.polygon([tuple(corner) for corner in corners.tolist()], fill=number)
    return np.asarray(picture)


def measured(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    """Return the columns of a row."""
    regions = len(judged)
    size, score = _sizes_and_scores(judged)
    false = np.sort(np.concatenate([one.false for one in judged]))[::-1]
    columns: dict[str, Any] = {"regions": regions}
    for low, high in zip((0.0, *SIZES_MM[:-1]), SIZES_MM, strict=True):
        of = score[(size >= low) & (size < high)]
        name = f"{low:g}_mm" if low else "smaller"
        columns[f"number_{name}"] = of.size
        for rate in FALSE_PER_REGION:
            least = _threshold(false, rate * regions, threshold)
            columns[f"found_{name}_at_{rate:g}"] = float((of >= least).mean()) if of.size else 1.0
    large = score[size >= 0.3]
    least = _threshold(false, regions, threshold)
    columns["large"] = large.size
    columns["found_large_at_1"] = float((large >= least).mean())
    columns["found_large"] = float((large >= threshold).mean())
    columns["false_per_region"] = float((false >= threshold).sum() / regions)
    return columns | _accuracy(judged, threshold)


def _threshold(false: Floats, most: float, threshold: float) -> float:
    """Return the score above which there are at most so many false findings."""
    place = math.floor(most + 1e-9)
    return float(np.nextafter(false[place], np.inf)) if place < false.size else -np.inf


def _sizes_and_scores(judged: Sequence[Judged]) -> tuple[Floats, Floats]:
    size, score = [], []
    for one in judged:
        for shape, found, counts in zip(
            one.case.truth.shapes, one.score, one.case.truth.counts, strict=True
        ):
            if counts:
                size.append(2 * math.sqrt(shape.area_mm2 / math.pi))
                score.append(found)
    return np.array(size), np.array(score)


def _accuracy(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    describe = calcification_descriptors.of_shapes
    rows, shapes = [], []
    for one in judged:
        image = one.case.image
        region_mm2 = float(image.region.sum()) * image.spacing_mm[0] * image.spacing_mm[1]
        own = [calcification_descriptors.shape(p.outlines, image.spacing_mm)
               for p in one.particles]  # fmt: skip
        counted = [shape for shape, p, counts in zip(own, one.particles, one.counted, strict=True)
                   if p.score >= threshold and counts]  # fmt: skip
        true = [s for s, counts in zip(one.case.truth.shapes, one.case.truth.counts, strict=True)
                if counts]  # fmt: skip
        rows.append((describe(true, region_mm2), describe(counted, region_mm2)))
        truth = one.case.truth
        for shape, hit, single in zip(truth.shapes, one.own, truth.single, strict=True):
            if hit >= 0 and single and shape.area_mm2 >= math.pi * 0.25**2:
                shapes.append((shape.elongation, own[hit].elongation,
                               shape.solidity, own[hit].solidity))  # fmt: skip
    count = np.array([[true["count"], ours["count"]] for true, ours in rows])
    columns: dict[str, Any] = {"count_correlation": float(np.corrcoef(count.T)[0, 1])}
    for name in MEASURES:
        error = [abs(ours[name] / true[name] - 1) for true, ours in rows if true[name] > 0]
        bias = [ours[name] / true[name] - 1 for true, ours in rows if true[name] > 0]
        columns[f"error_{name}"] = float(np.median(error))
        columns[f"bias_{name}"] = float(np.median(bias))
    pairs = np.array(shapes).reshape(-1, 4)
    columns["shapes"] = len(pairs)
    if not len(pairs):
        pairs = np.zeros((2, 4))
    for name, place in (("elongation", 0), ("solidity", 2)):
        ranks = pd.DataFrame(pairs[:, place : place + 2]).rank().to_numpy()
        columns[f"{name}_rank_correlation"] = float(np.corrcoef(ranks.T)[0, 1])
    return columns


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return what is found in so many patients' regions."""
    judged = [
        judge(case, calcification_detection.find(case.image, threshold=LOWEST))
        for case in cases(cell, replicates, rng)
    ]
    return measured(judged, calcification_detection.THRESHOLD)


def faults(rows: pd.DataFrame) -> list[str]:
    """Return which goals the regions without lines or skin miss on average, and what got worse."""
    plain = rows[rows["hard"] == "no"]
    wrong = [
        f"{column}: {plain[column].mean():.3f}, the goal is {sign} {limit}"
        for column, (sign, limit) in {**GOALS, **HELD}.items()
        if _missed(plain[column].to_numpy(), sign, limit)
    ]
    for hard, (found, false) in HARD.items():
        row = rows[rows["hard"] == hard].iloc[0]
        # As rates of so few regions may be by chance; findings of a region come together.
        error = 2.33 / math.sqrt(row["regions"])
        if row["found_large"] < found - 0.5 * error:
            wrong.append(f"{hard}: {row['found_large']:.3f} found")
        if row["false_per_region"] > false * (1 + 1.5 * error):
            wrong.append(f"{hard}: {row['false_per_region']:.2f} false findings a region")
    return wrong


def _missed(values: Floats, sign: str, limit: float) -> bool:
    """Tell whether a mean over cells is beyond a limit by more than their spread explains."""
    error = 2.33 * float(values.std(ddof=1)) / math.sqrt(len(values))
    mean = float(values.mean())
    return mean < limit - error if sign == ">=" else mean > limit + error


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    table = pd.DataFrame(
        [
            {**cell, **simulate(cell, n, stream(TUNING_SEED, "tuning", *map(str, cell.values())))}
            for cell in CELLS
        ]
    )
    print(table.T.to_string())
    print(*faults(table), sep="\n")
