"""The demo's three tables: what a study would hold, and the latent truth behind it."""

import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from microcalc.core.files import write_csv
from microcalc.core.seeds import stream
from microcalc.simulate import effects, lesion
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import scanner_of

FIELD_MM = (120.0, 74.0)
"""Height and width of the demo's detector field."""
TINY_FIELD_MM = (64.0, 48.0)
"""A field for tests: a tenth of a second per image."""
DEVELOPMENT_SHARE = 2 / 3
MISSING_SHARE = 0.03
MISSING = ("age", "menopausal_status", "breast_density", "morphology", "distribution", "size_mm")


@dataclass(frozen=True)
class Tables:
    """The demo's tables, one row per case, image and image.

    Attributes
    ----------
    cases, images
        As a user gives them.
    phantoms
        Latent truth, see `phantom.Phantom`.
    """

    cases: pd.DataFrame
    images: pd.DataFrame
    phantoms: pd.DataFrame

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write cases.csv, images.csv and phantoms.csv under `folder`."""
        for name in ("cases", "images", "phantoms"):
            write_csv(getattr(self, name), Path(folder) / f"{name}.csv")


def draw(
    seed: int,
    *,
    n_negative: int = 106,
    n_positive: int = 188,
    field_mm: tuple[float, float] = FIELD_MM,
) -> Tables:
    """Return a simulated cohort: one lesion per patient, two views per lesion, two centers.

    Parameters
    ----------
    seed
        The study's seed: it fixes every number in the tables.
    n_negative, n_positive
        Cases of DCIS and of IDC. Two thirds of each stand in center A, the rest in B.
    field_mm
        Height and width of the detector's field, mm. The breast scales with it, the lesion
        does not; a small one makes small and fast images for tests.

    Returns
    -------
    Tables
        Sorted by case_id and image_id. Ids are in random order with respect to label and center.
    """
    rng = stream(seed, "cohort")
    positive, center = _classes(n_negative, n_positive, rng)
    latent = _latent(positive, rng)
    readings = _read(latent, rng)
    n = len(positive)
    digits = max(3, len(str(n)))
    case_ids = [f"C{i + 1:0{digits}d}" for i in range(n)]
    patient_ids = [f"P{i + 1:0{digits}d}" for i in rng.permutation(n)]
    cases = pd.DataFrame(
        {
            "case_id": case_ids,
            "patient_id": patient_ids,
            "center": center,
            "label": np.where(positive, "IDC", "DCIS"),
        }
    )
    cases = pd.concat([cases, readings], axis=1)
    phantoms = [
        phantom
        for i in range(n)
        for phantom in _views(latent.iloc[i], cases.iloc[i], field_mm, rng)
    ]
    rows = [_image_row(phantom, seed) for phantom in phantoms]
    names = [field.name for field in fields(Phantom)]
    truth = pd.DataFrame([astuple(phantom) for phantom in phantoms], columns=names)
    return Tables(cases, pd.DataFrame(rows), truth)


def _classes(
    n_negative: int, n_positive: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    positive = np.repeat([False, True], [n_negative, n_positive])
    center = np.concatenate(
        [
            np.where(np.arange(n) < round(DEVELOPMENT_SHARE * n), "A", "B")
            for n in (n_negative, n_positive)
        ]
    )
    order = rng.permutation(n_negative + n_positive)
    return positive[order], center[order]


def _latent(positive: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row of latent traits per case; the label is used here and nowhere after."""
    n = len(positive)
    mass = effects.MASS.draw(positive, rng) == "yes"
    distortion = effects.DISTORTION.draw(positive, rng) == "yes"
    latent = pd.DataFrame(
        {
            "age": effects.AGE.draw(positive, rng),
            "morphology": effects.MORPHOLOGY.draw(positive, rng),
            "distribution": effects.DISTRIBUTION.draw(positive, rng),
            "mass_mm": np.where(mass, np.clip(rng.lognormal(np.log(10), 0.3, n), 5, 20), 0.0),
            "mass_contrast": rng.uniform(0.22, 0.45, n),
            "spiculation": rng.beta(1.2, 1.2, n),
            "distortion": np.where(distortion, rng.uniform(0.4, 1.0, n), 0.0),
            "extent_mm": effects.EXTENT.draw(positive, rng),
            "n_calcifications": np.rint(effects.NUMBER.draw(positive, rng)).astype(int),
            "calcification_mm": effects.SIZE.draw(positive, rng),
            "stroma": effects.STROMA.draw(positive, rng),
            "stroma_mm": rng.uniform(12, 18, n),
        }
    )
    density = -0.03 * (latent["age"] - 53) + rng.normal(0, 0.85, n)
    latent["density"] = density
    latent["glandularity"] = 1 / (1 + np.exp(-(density * 0.5 - 1.1)))
    # Lines along ducts are longer than round clusters (BI-RADS atlas: segmental means a lobe).
    longer = latent["distribution"].map({"grouped": 0.85, "linear": 1.2, "segmental": 1.7})
    latent["extent_mm"] = np.clip(latent["extent_mm"] * longer, 4, 38)
    return latent


def _read(latent: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the clinical columns as a radiologist, who errs, would fill them in.

    Nothing but latent traits and chance enters: the label is not known at reading.
    """
    n = len(latent)
    age = np.rint(latent["age"])
    postmenopausal = age + rng.normal(0, 3.5, n) > 50.5
    sees_mass = np.where(latent["mass_mm"] > 0, rng.random(n) < 0.82, rng.random(n) < 0.06)
    sees_distortion = np.where(latent["distortion"] > 0, 0.70, 0.06) > rng.random(n)
    lesion_type = np.select(
        [sees_mass, sees_distortion],
        ["with mass", "with asymmetry or distortion"],
        "calcification only",
    )
    morphology = _misread(latent["morphology"], effects.MORPHOLOGY.levels, 0.28, rng)
    distribution = _misread(latent["distribution"], effects.DISTRIBUTION.levels, 0.20, rng)
    size = latent["extent_mm"] * np.exp(rng.normal(0, 0.22, n))
    suspicion = (
        _weigh(morphology, effects.MORPHOLOGY.levels, (0, 0.3, 1, 1.7))
        + _weigh(distribution, effects.DISTRIBUTION.levels, (0, 0.6, 0.7))
        + 1.2 * sees_mass
        + 0.8 * sees_distortion
        + 0.25 * np.log(latent["n_calcifications"] / 20)
        + 0.9 * (latent["stroma"] - 0.3)
        + rng.normal(0, 0.45, n)
    )
    grade = np.digitize(suspicion, [0.55, 1.35, 2.3])
    feel = -2.2 + 1.3 * (latent["mass_mm"] > 8) + 0.035 * (size - 15) + 1.5 * latent["stroma"]
    table = pd.DataFrame(
        {
            "age": age.astype(int).astype(object),
            "menopausal_status": np.where(postmenopausal, "postmenopausal", "premenopausal"),
            "lesion_type": lesion_type,
            "birads": np.array(["4A", "4B", "4C", "5"])[grade],
            "breast_density": np.array(list("ABCD"))[
                np.digitize(latent["density"] + rng.normal(0, 0.25, n), [-1.2, 0.0, 1.2])
            ],
            "morphology": morphology,
            "distribution": distribution,
            "size_mm": np.rint(size).astype(int).astype(object),
            "palpable": np.where(rng.random(n) < 1 / (1 + np.exp(-feel)), "yes", "no"),
        }
    )
    for column in MISSING:
        table.loc[rng.random(n) < MISSING_SHARE, column] = np.nan
    return table


def _weigh(readings: np.ndarray, levels: tuple[str, ...], weights: tuple[float, ...]) -> np.ndarray:
    """Return each reading's weight in a radiologist's suspicion."""
    known = dict(zip(levels, weights, strict=True))
    return np.array([known[reading] for reading in readings])


def _misread(
    truth: pd.Series, levels: tuple[str, ...], share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the levels as read: a `share` of them moves to a neighboring level."""
    codes = truth.map({level: code for code, level in enumerate(levels)}).to_numpy(dtype=int)
    steps = np.where(rng.random(len(codes)) < share, rng.choice([-1, 1], len(codes)), 0)
    moved = codes + steps
    moved = np.where((moved < 0) | (moved >= len(levels)), codes - steps, moved)
    return np.asarray(levels)[moved]


def _views(
    latent: pd.Series, case: pd.Series, field_mm: tuple[float, float], rng: np.random.Generator
) -> list[Phantom]:
    """Return the phantoms of a case's two views, numbers rounded as the table keeps them."""
    height, width = field_mm
    laterality = str(rng.choice(["L", "R"]))
    breast = width * rng.uniform(0.70, 0.88)
    thickness = float(np.clip(rng.normal(52, 8), 32, 75))
    beta, contrast = rng.uniform(2.9, 3.3), rng.uniform(0.6, 0.85)
    along = rng.uniform(0.38, 0.66)
    pectoral = (height * rng.uniform(0.20, 0.30), height * rng.uniform(0.40, 0.60))
    scattered = int(rng.poisson(2.0))
    views = []
    for view in ("CC", "MLO"):
        across = rng.uniform(0.33, 0.67) if view == "CC" else rng.uniform(0.42, 0.72)
        image_id = f"{case['case_id']}_{laterality}_{view}"
        views.append(
            Phantom(
                image_id=image_id,
                case_id=str(case["case_id"]),
                patient_id=str(case["patient_id"]),
                center=str(case["center"]),
                path=f"{image_id}.dcm",
                view=view,
                laterality=laterality,
                field_height_mm=float(height),
                field_width_mm=float(width),
                breast_width_mm=round(breast * rng.uniform(0.96, 1.04), 2),
                thickness_mm=round(thickness + rng.normal(0, 2), 1),
                glandularity=round(float(latent["glandularity"]), 4),
                texture_beta=round(beta, 2),
                texture_contrast=round(contrast, 3),
                pectoral_width_mm=round(pectoral[0], 2) if view == "MLO" else 0.0,
                pectoral_height_mm=round(pectoral[1], 2) if view == "MLO" else 0.0,
                lesion_x_mm=round(breast * (along + rng.normal(0, 0.02)), 2),
                lesion_y_mm=round(height * across, 2),
                morphology=str(latent["morphology"]),
                distribution=str(latent["distribution"]),
                extent_mm=round(float(latent["extent_mm"]), 2),
                n_calcifications=int(latent["n_calcifications"]),
                calcification_mm=round(float(latent["calcification_mm"]), 3),
                n_scattered=scattered,
                mass_mm=round(float(latent["mass_mm"]), 2),
                mass_contrast=round(float(latent["mass_contrast"]), 3),
                spiculation=round(float(latent["spiculation"]), 3),
                distortion=round(float(latent["distortion"]), 3),
                stroma=round(float(latent["stroma"]), 4),
                stroma_mm=round(float(latent["stroma_mm"]), 2),
            )
        )
    return views


def _image_row(phantom: Phantom, seed: int) -> dict[str, object]:
    """Return a row of images.csv: the ROI in the stored pixel matrix, 0-based, half-open."""
    spacing = scanner_of(phantom.center).spacing_mm
    rows = round(phantom.field_height_mm / spacing)
    columns = round(phantom.field_width_mm / spacing)
    x0, y0, x1, y1 = lesion.box(phantom, seed=seed)
    left, right = max(0, int(x0 / spacing)), min(columns, int(np.ceil(x1 / spacing)))
    top, bottom = max(0, int(y0 / spacing)), min(rows, int(np.ceil(y1 / spacing)))
    if phantom.laterality == "R":
        left, right = columns - right, columns - left
    return {
        "image_id": phantom.image_id,
        "case_id": phantom.case_id,
        "path": phantom.path,
        "view": phantom.view,
        "laterality": phantom.laterality,
        "x0": left,
        "y0": top,
        "x1": right,
        "y1": bottom,
    }
