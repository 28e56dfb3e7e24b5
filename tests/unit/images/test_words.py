import numpy as np
import pytest
from tests.unit.images.making import dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images import words
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry

WRITTEN = "Erika Mustermann"


def test_known_words_stay_and_others_do_not():
    assert words.explanation("Harder") == "Harder"
    assert words.explanation(WRITTEN) == "other"
    assert words.photometric("YBR_FULL") == "YBR_FULL"
    assert words.photometric(WRITTEN) == "other"
    assert words.name_of_uid("1.2.840.10008.1.2.4.70").startswith("JPEG Lossless")
    assert [words.name_of_uid(text) for text in ("", "1.2.3.19570423")] == ["", "other"]


def test_no_free_text_of_a_header_reaches_what_is_told_of_an_image():
    stored = np.tile(np.arange(64, dtype=np.uint16), (64, 1))
    told = decode(
        to_bytes(
            dataset(
                stored,
                WindowCenter=[30, 40],
                WindowWidth=[60, 60],
                WindowCenterWidthExplanation=[WRITTEN, "NORMAL"],
                ViewPosition="MUSTERMANN ERIKA",
                PatientComments=WRITTEN,
            )
        ),
        ImageEntry("a"),
    )
    text = f"{told.view} {told.grey.voi} {told.flags} {told.provenance}".casefold()
    assert "mustermann" not in text
    assert told.view == "other"
    assert "window 0 (other)" in told.grey.voi


@pytest.mark.parametrize(
    "attributes",
    [
        {"PhotometricInterpretation": "MUSTERMANN"},
        {"NumberOfFrames": 2, "SOPClassUID": "1.2.3.19570423"},
        {"WindowCenter": 30, "WindowWidth": 60, "WindowCenterWidthExplanation": WRITTEN},
    ],
)
def test_nor_what_is_told_of_a_refused_one(attributes):
    data = to_bytes(dataset(np.zeros((64, 64), np.uint16), **attributes))
    with pytest.raises(StudyError) as caught:
        decode(data, ImageEntry("a"), voi="none such")
    assert not any(said in str(caught.value).upper() for said in ("MUSTERMANN", "19570423"))


def test_a_view_of_no_defined_term_gives_way_to_the_tables():
    data = to_bytes(dataset(np.eye(64, dtype=np.uint16), ViewPosition="SPOT 3"))
    told = decode(data, ImageEntry("a", view="MLO"))
    assert (told.view, told.flags) == ("MLO", ("image_small",))
