import pytest

from microcalc.ingest import file_names


def named(path: str) -> file_names.Named:
    known = (*file_names.PICTURES, *file_names.VOLUMES)
    return file_names.read(path, is_picture=file_names.suffix(path) in known)


@pytest.mark.parametrize(
    ("path", "side", "view"),
    [
        ("P001_L_CC.png", "L", "CC"),
        ("P001_LCC.png", "L", "CC"),
        ("left_mlo.tif", "L", "MLO"),
        ("P001-RightMLO.nii.gz", "R", "MLO"),
        ("A_0001_1.LEFT_CC.png", "L", "CC"),
        ("20586908_6c613a14b80a8591_MG_R_CC_ANON.png", "R", "CC"),
        ("P001_R_ML.png", "R", "ML"),
        ("P001_RXCCL.png", "R", "XCCL"),
        ("P001_L_CC_spot.png", "L", "CC SPOT"),
        ("P001_L_mag_mlo.png", "L", "MLO MAG"),
        ("P001/left/CC.png", "L", "CC"),
        # The name comes before the folder.
        ("left/P001_R_CC.png", "R", "CC"),
        ("P001.png", "", ""),
        ("PLCC001.png", "", ""),
        # Both sides, or two views: nothing says which.
        ("L_R_CC.png", "", "CC"),
        ("LM_001_L_CC.png", "L", ""),
        # Letters that are a modifier for a radiologist and something else in a name.
        ("ID_001_L_CC.png", "L", "CC"),
        ("AC_L_MLO.png", "L", "MLO"),
    ],
)
def test_side_and_view(path: str, side: str, view: str) -> None:
    found = named(path)
    assert (found.side, found.view) == (side, view)


@pytest.mark.parametrize(
    ("path", "folder", "rest", "tells"),
    [
        ("P001_L_CC.png", "", "P001", True),
        ("images/P001_L_CC.png", "", "P001", True),
        ("train/malignant/P001_L_CC.png", "", "P001", True),
        ("site A/P001_L_CC.png", "site A", "P001", True),
        ("P001/L_CC.png", "P001", "", True),
        ("P001/left/CC.png", "P001", "", True),
        ("P001/img_1.png", "P001", "1", False),
        ("P001/2019-03-01/L_CC.png", "P001", "", True),
        # Nothing but a number that could be a year.
        ("2001/L_CC.png", "2001", "", True),
    ],
)
def test_what_could_be_a_patient(path: str, folder: str, rest: str, tells: bool) -> None:
    found = named(path)
    assert (found.folder, found.rest, found.tells) == (folder, rest, tells)


def test_a_folder_that_is_a_date_is_an_examination() -> None:
    assert named("P001/2019-03-01/L_CC.png").exam == "2019-03-01"
    assert named("P001/20190301/L_CC.png").exam == "20190301"
    assert named("P001/L_CC.png").exam == ""


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("P001_L_CC.png", "P001_L_CC_mask.png"),
        ("P001_L_CC.png", "P001_L_CC-Mask.tif"),
        ("P001_L_CC.dcm", "P001_L_CC_roi.nii.gz"),
        ("P001_L_CC.png", "P001_L_CC_seg.nrrd"),
        ("P001_L_CC.png", "P001_L_CC.segmentation.mha"),
        ("P001_L_CC.png", "mask_P001_L_CC.png"),
        ("P001_L_CC.png", "P001_L_CC_label_1.png"),
        ("a.png", "masks/a.png"),
        ("a.tif", "labels/A.png"),
        ("images/a.png", "masks/a.png"),
        ("images/a.png", "ground_truth/a.png"),
        ("P001/a.png", "P001/masks/a.png"),
        ("P001/a.png", "masks/P001/a_mask.png"),
        ("images/train/a.png", "masks/train/a.png"),
        ("P001/image.nii.gz", "P001/mask.nii.gz"),
        ("P001_image.png", "P001_mask.png"),
        ("imagesTr/case_012_0000.nii.gz", "labelsTr/case_012.nii.gz"),
    ],
)
def test_masks_are_known_and_share_a_key_with_their_image(image: str, mask: str) -> None:
    one, other = named(image), named(mask)
    assert (one.is_mask, other.is_mask) == (False, True)
    assert set(one.keys) & set(other.keys)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("P001_L_CC.png", "P001_R_CC_mask.png"),
        ("P001/a.png", "masks/P002/a.png"),
        ("001.png", "mask_002.png"),
        ("case_1.png", "case_1_mask_of_2.png"),
    ],
)
def test_others_share_none(image: str, mask: str) -> None:
    assert not set(named(image).keys) & set(named(mask).keys)


def test_a_suffix_of_two_parts_is_one() -> None:
    assert file_names.suffix("a/b.NII.GZ") == ".nii.gz"
    assert file_names.suffix("a/1.2.840.5") == ".5"
    # A DICOM file's name may be a UID, of which nothing is a suffix.
    assert named("1.2.840.5").keys[0] == ("", "1_2_840_5")
