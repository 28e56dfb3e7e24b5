import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from microcalc.config import json_schema, views

ALIKE = {"medial-lateral": "ML", "cranio-caudal": "CC"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC", "CC"),
        ("mlo", "MLO"),
        ("cranio-caudal", "CC"),
        ("Craniocaudal view", "CC"),
        ("Medio-lateral oblique", "MLO"),
        ("ML", "ML"),
        ("medio lateral", "ML"),
        ("LM", "LM"),
        ("LMO", "LMO"),
        ("XCCL", "XCCL"),
        ("cranio-caudal exaggerated laterally", "XCCL"),
        ("XCCM", "XCCM"),
        ("caudo-cranial (from below)", "FB"),
        ("SIO", "SIO"),
        # PS3.16, CID 4015: M and S stand before a view, ID and others behind it.
        ("MLOID", "MLO ID"),
        ("MCC", "CC MAG"),
        ("SMMLO", "MLO SPOT MAG"),
        ("MMLO", "MLO MAG"),
        ("CCRL", "CC RL"),
        ("MLOIMF", "MLO IMF"),
        ("CC spot compression", "CC SPOT"),
        ("magnification, CC", "CC MAG"),
        ("MLO M S", "MLO SPOT MAG"),
        ("implant displaced", "ID"),
        ("AT", "AT"),
        ("CV", "CV"),
        ("TAN", "TAN"),
        ("RL", "RL"),
        ("RM", "RM"),
        ("R-1024B", "XCCM"),
        ("", ""),
        ("   ", ""),
        ("?", "other"),
        ("CC MLO", "other"),
        ("Erika", "other"),
        ("LCC", "other"),
        ("oblique", "other"),
    ],
)
def test_words_have_one_canonical_view(text: str, expected: str) -> None:
    assert views.canonical(text) == expected
    assert views.canonical(expected) == expected


@pytest.mark.parametrize(("cid", "kind"), [(4014, views.projection), (4015, views.modifiers)])
def test_every_code_of_the_standard_is_known(cid: int, kind) -> None:
    """The two context groups as pydicom has them, by code of either scheme and by meaning."""
    found = set()
    for scheme, keywords in cid_concepts[cid].items():
        for keyword in keywords:
            for code, (meaning, groups) in concepts[scheme][keyword].items():
                if cid not in groups:
                    continue
                name = views.of_code(code, "")
                assert kind(name), code
                assert views.of_code(mapping["SCT"][code], "") == name
                assert views.of_code("", meaning) == name, meaning
                found.add(name)
    # The exaggerated view without a direction has left the group.
    expected = set(views.PROJECTIONS) - {"XCC"} if cid == 4014 else set(views.MODIFIERS)
    assert found == expected


@pytest.mark.parametrize(
    ("code", "meaning", "expected"),
    [
        ("399162004", "", "CC"),
        ("Y-X1770", "", "XCCL"),
        ("R-102CF", "", "XCC"),
        ("99HOUSE", "medio-lateral oblique", "MLO"),
        ("99HOUSE", "Erika", "other"),
        ("99HOUSE", "", "other"),
        ("", "", ""),
    ],
)
def test_codes_come_before_their_meanings(code: str, meaning: str, expected: str) -> None:
    assert views.of_code(code, meaning) == expected


@pytest.mark.parametrize(
    ("view", "wanted", "enters"),
    [
        ("CC", views.STANDARD, True),
        ("MLO", views.STANDARD, True),
        ("ML", views.STANDARD, False),
        ("CC SPOT", views.STANDARD, False),
        ("TAN", views.STANDARD, False),
        ("", views.STANDARD, True),
        ("other", views.STANDARD, True),
        ("other MAG", views.STANDARD, False),
        ("ML", ["CC", "ML"], True),
        ("MLO", ["CC", "ML"], False),
        ("CC SPOT", ["CC", "SPOT"], True),
        ("CC SPOT MAG", ["CC", "SPOT"], False),
        ("SPECIMEN MAG", "all", True),
    ],
)
def test_projection_and_all_modifiers_must_be_wanted(view, wanted, enters) -> None:
    assert views.enters(view, wanted) == enters


def test_a_known_view_is_never_taken_for_the_misspelling_of_another() -> None:
    assert views.problem("ML") == ""
    assert all(views.problem(name) == "" for name in views.NAMES)
    assert "did you mean 'XCCL'" in views.problem("XCCLL")
    assert "'RMLO' is no view that is known (write 'MLO', and its side" in views.problem("RMLO")
    assert views.problem("L").startswith("'L' is no view that is known")
    assert "column laterality" not in views.problem("L")
    assert views.problem("Oblique").endswith(
        "there are CC, MLO, ML, LM, LMO, FB, SIO, ISO, XCC, XCCL, XCCM, SPECIMEN, alone or with "
        "SPOT, MAG, ID, AT, CV, TAN, RL, RM, RI, RS, NP, AC, IMF, AX"
    )


def test_the_config_lists_the_same_names() -> None:
    known = json_schema.of_config()["properties"]["images"]["properties"]["views"]
    assert tuple(known["anyOf"][1]["items"]["enum"]) == views.NAMES
    assert tuple(known["default"]) == views.STANDARD
