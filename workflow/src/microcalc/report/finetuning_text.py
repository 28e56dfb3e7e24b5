"""Paragraphs on fine-tuning: frozen against fine-tuned, scale of the scores, route to a score.

Each function returns one paragraph, or an empty text where it has nothing to say.
"""

from collections.abc import Mapping
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.score_names import score_words
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report import score_text
from microcalc.report.narrative import alpha
from microcalc.report.study import Study


def paragraphs(study: Study) -> list[str]:
    """Return the paragraphs, empty ones left out; none where nothing was fine-tuned.

    A study in which something was has the document `choice`.
    """
    if "choice" not in study.documents:
        return []
    scales = [scale(study, score) for score in feature_sets.of_logits(study.config)]
    return [text for text in (worth(study), *scales, routes(study)) if text]


def worth(study: Study) -> str:
    """Return how frozen and fine-tuned compare on internal validation, and what was chosen.

    It takes the document `choice` and the table `finetuning`.
    """
    choice = study.documents["choice"]
    if not choice["selected_on"]:
        return (
            f"The {_name(choice['chosen'])} model is the only deep model that is a score alone, so "
            "that nothing was chosen."
        )
    compared = [
        _comparison(row, alpha(study))
        for row in study.tables["finetuning"].to_dict("records")
        if row["split"] == choice["selected_on"]
    ]
    return " ".join(
        [
            f"The {len(choice['candidates'])} deep models were compared on internal validation, by "
            "DeLong's test on the same cases.",
            *compared,
            f"The {_name(choice['chosen'])} model, with the largest AUC there, was chosen for "
            "external validation before any external case was predicted. Its internal AUC, and "
            "that of every model that takes its scores, was selected on: it is the largest of "
            "several and too large an estimate. External validation of the models that were not "
            "chosen is shown for comparison and decides nothing.",
        ]
    )


def _comparison(row: Mapping[Any, Any], level: float) -> str:
    a, b = (_name(str(row[key])) for key in ("model_a", "model_b"))
    if fmt.missing(row["p"]):
        return f"Whether the AUCs of the {a} and the {b} model differ is undetermined."
    numbers = (
        f"{fmt.number(row['auc_a'])} vs {fmt.number(row['auc_b'])}; difference, "
        f"{fmt.difference(row['delta'], row['delta_low'], row['delta_high'])}; "
        f"P {fmt.p_value(row['p'], equals=True)}"
    )
    if row["p"] >= level:
        return f"No difference in AUC between the {a} and the {b} model was shown ({numbers})."
    relation = "higher" if row["delta"] > 0 else "lower"
    return f"The AUC of the {a} model was {relation} than that of the {b} model ({numbers})."


def scale(study: Study, score: str) -> str:
    """Return how far the mean of the networks' logits lies from those of one network.

    Parameters
    ----------
    study
        With the score's table `scale`; without it nothing is said.
    score
        A score that is made of fine-tuned networks' logits.
    """
    tables = study.of_scores.get(score, {})
    if "scale" not in tables:
        return ""
    table = tables["scale"].set_index("scored_by")
    if "mean" not in table.index:
        return ""
    single = table[table.index.str.startswith("fold-")]
    mean, out = table.loc["mean"].to_dict(), table.loc["out of fold"].to_dict()
    spread, places = float(single["sd"].mean()), single["mean"].astype(float)
    several = len(feature_sets.of_logits(study.config)) > 1
    called = score_words(score) if several else "fine-tuned score"
    return (
        f"A training case's {called} is the logit of the one network that never saw it, a "
        f"validation case's the mean of {len(single)}. On the {int(mean['n'])} internal cases, no "
        f"label used, the mean had an SD of {fmt.number(mean['sd'])} and one network "
        f"{fmt.number(spread)} on average (ratio {fmt.number(mean['sd'] / spread)}), around "
        f"{fmt.number(mean['mean'])} and between {fmt.number(float(places.min()))} and "
        f"{fmt.number(float(places.max()))}; out-of-fold logits of training cases had a mean of "
        f"{fmt.number(out['mean'])} and an SD of {fmt.number(out['sd'])}. Threshold and "
        "calibration were fitted on the latter: a ratio below 1 draws probabilities of validation "
        "cases towards the middle by so much. It is stated and not corrected."
    )


def routes(study: Study) -> str:
    """Return what tells the two routes from fine-tuned networks to a score apart.

    Nothing where no model takes a score that was selected from fine-tuned features.
    """
    lasso, logits = (
        [score for score in of_kind(study.config) if score_text.takers(study.config, score)]
        for of_kind in (feature_sets.selecting_finetuned, feature_sets.of_logits)
    )
    if not lasso:
        return ""
    both = " Both ran here, and the tables show both." if logits else ""
    return (
        "Two routes lead from fine-tuned networks to a deep score. In one, the networks' own "
        "logits are the score, every case's from networks that never saw it, so that it means the "
        "same in training and in validation. In the classical one, the features of one network "
        "that was trained on the whole training set go through mRMR and LASSO. That network has "
        "learned from the labels of the very cases the selection is fitted on; its features "
        "separate these better than any new case, so that the selection keeps what the network "
        "has memorized, under too weak a penalty. Repeating network and selection without each "
        "fold gives honest out-of-fold scores, on which its threshold was chosen; but those come "
        f"from other networks than the one that scores validation cases.{both}"
    )


def _name(model: str) -> str:
    return model_label(model).lower()
