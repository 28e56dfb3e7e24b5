import numpy as np
import pytest
from scipy.special import logit
from tests.unit.models.test_fit import LABELS, YOUDEN, columns, recipe, tables_of
from tests.unit.selection.study import draw

from microcalc.models import contributions
from microcalc.models.fit import fit_model
from microcalc.models.predict import predict


@pytest.fixture(scope="module")
def made():
    tables = tables_of(*draw())
    models = [
        fit_model(recipe(name), tables, threshold=YOUDEN, labels=LABELS)[0]
        for name in ("clinical", "deep", "combined")
    ]
    new = tables.included[tables.included["split"] == "external"].reset_index(drop=True)
    new = new.assign(birads=["6", *new["birads"].iloc[1:]], age=[np.nan, *new["age"].iloc[1:]])
    return models, new, columns(tables)


def test_terms_add_up_to_the_log_odds(made) -> None:
    models, new, features = made
    table = contributions.table(models, new, features)
    log_odds = table[table["part_of"] == contributions.LOG_ODDS]
    total = log_odds.groupby(["case_id", "model"])["contribution"].sum()
    predicted = predict(models, new, features).set_index(["case_id", "model"])["probability"]
    np.testing.assert_allclose(total, logit(predicted).loc[total.index], atol=1e-12)


def test_deep_features_add_up_to_the_deep_score(made) -> None:
    models, new, features = made
    table = contributions.table(models, new, features)
    inside = table[table["part_of"] == "deep_score"]
    total = inside.groupby(["case_id", "model"])["contribution"].sum()
    score = table[table["term"] == "deep_score"].set_index(["case_id", "model"])["case_value"]
    np.testing.assert_allclose(total, score.astype(float).loc[total.index], atol=1e-12)
    assert set(total.index.get_level_values("model")) == {"deep", "combined"}


def test_what_stands_in_is_said(made) -> None:
    models, new, features = made
    table = contributions.table(models, new, features)
    first = table[(table["case_id"] == new["case_id"].iloc[0]) & (table["model"] == "combined")]
    by_term = first.set_index("term")
    used = {term["variable"]: term.get("if_missing") for term in models[2]["terms"]}
    assert (by_term.loc["birads", "case_value"], by_term.loc["birads", "stands_in"]) == (
        "6",
        used["birads"],
    )
    assert by_term.loc["age", "case_value"] == ""
    assert float(by_term.loc["age", "stands_in"]) == used["age"]
    rest = table[table["case_id"] != new["case_id"].iloc[0]]
    known = rest[(rest["case_value"] != "") & (rest["term"] != "(intercept)")]
    assert set(known["stands_in"]) == {""}


def test_cases_and_models_keep_their_order(made) -> None:
    models, new, features = made
    table = contributions.table(models, new, features)
    pairs = table[["model", "case_id"]].drop_duplicates()
    expected = [(model["name"], case) for model in models for case in new["case_id"]]
    assert list(pairs.itertuples(index=False, name=None)) == expected
