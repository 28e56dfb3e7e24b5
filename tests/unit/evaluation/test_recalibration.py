import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import calibration_tables, recalibration
from microcalc.evaluation import predictions as module
from microcalc.statistics import calibration


def test_it_is_fitted_on_internal_validation_alone(predictions):
    fitted = recalibration.fit(predictions)
    internal = predictions.query("split == 'internal' and model == 'deep'")
    own = calibration.measure(internal["y"], internal["probability"])
    assert fitted["deep"]["slope"] == pytest.approx(own.slope)
    assert (fitted["deep"]["n"], fitted["deep"]["fitted_on"]) == (24, "internal")
    changed = predictions.copy()
    changed.loc[changed["split"] != "internal", "probability"] = 0.3
    assert recalibration.fit(changed) == fitted


def test_the_internal_set_itself_becomes_calibrated(predictions):
    fitted = recalibration.fit(predictions)["deep"]
    internal = predictions.query("split == 'internal' and model == 'deep'")
    p = calibration.apply_recalibration(
        internal["probability"], fitted["intercept"], fitted["slope"]
    )
    found = calibration.measure(internal["y"], p)
    assert (found.intercept, found.slope) == pytest.approx((0, 1), abs=1e-8)


def test_only_external_predictions_are_added(predictions):
    more = recalibration.apply(predictions, recalibration.fit(predictions))
    added = more[more["kind"] == "recalibrated"]
    assert set(added["split"]) == {"external"}
    assert len(added) == 60
    assert len(more) == len(predictions) + 60
    before = predictions.query("split == 'external' and model == 'deep'")["probability"]
    after = added.query("model == 'deep'")["probability"]
    assert (np.argsort(before.to_numpy()) == np.argsort(after.to_numpy())).all()
    sets = [(split, kind) for split, kind, _ in module.sets(module.check(more))]
    assert sets[-1] == ("external", "recalibrated")


def test_without_an_internal_set_it_is_refused(predictions):
    with pytest.raises(StudyError, match="no case is held out for internal validation"):
        recalibration.fit(predictions.query("split != 'internal'"))


def test_nothing_fitted_adds_nothing(predictions):
    assert len(recalibration.apply(predictions, {})) == len(predictions)


def test_its_interval_is_that_of_the_internal_calibration(predictions):
    _, fitted = recalibration.extend(predictions, wanted=True)
    measured, _ = calibration_tables.assess(predictions, resamples=20, confidence=0.95, seed=0)
    made = recalibration.with_intervals(fitted, measured).set_index("model")
    internal = predictions.query("split == 'internal' and model == 'deep'")
    low, high = calibration.wald(internal["y"], internal["probability"])["slope"]
    assert made.loc["deep", ["slope_low", "slope_high"]].tolist() == [low, high]
    assert (made["slope"].between(made["slope_low"], made["slope_high"])).all()
