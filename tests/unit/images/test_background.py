import numpy as np

from microcalc.images import background, coarse_grid


def noise(shape, mean, sd=3.0, seed=0):
    return np.random.default_rng(seed).normal(mean, sd, shape).astype(np.float32)


def everywhere(values):
    return np.ones(values.shape, dtype=bool)


def blacked_out(values):
    return background.blacked_out(values, coarse_grid.extremes(values))


def foreground(values, flags):
    return background.foreground(values, everywhere(values), coarse_grid.extremes(values), flags)


def test_padding_a_frame_in_it_and_a_gap_within_are_no_part_of_the_field():
    values = np.zeros((100, 120), dtype=np.float32)
    values[:, 5:30] = noise((100, 25), 243)
    values[4:90, 34:110] = noise((86, 76), 100, 20)
    values[90:] = np.where(values[90:] > 0, 250, 0)
    rows, columns = background.field(values, everywhere(values))
    assert (rows, columns) == (slice(4, 90), slice(34, 110))


def test_the_padding_a_file_names_is_no_part_of_the_field():
    values = noise((80, 80), 100)
    valid = everywhere(values)
    valid[:, 60:] = False
    assert background.field(values, valid) == (slice(0, 80), slice(0, 60))


def test_an_image_white_or_black_all_over_is_its_own_field():
    for values in (np.full((9, 7), 3.0, dtype=np.float32), noise((90, 70), 240)):
        whole = tuple(slice(0, side) for side in values.shape)
        assert background.field(values, everywhere(values)) == whole


def test_rectangles_are_blacked_out_and_round_air_is_air():
    values = noise((100, 80), 60, 5)
    values[10:30, 20:60] = 0
    made_black = np.zeros_like(everywhere(values))
    made_black[10:30, 20:60] = True
    np.testing.assert_array_equal(blacked_out(values), made_black)
    y, x = np.mgrid[:100, :80]
    values = np.where((y - 50) ** 2 + x**2 < 40**2, noise((100, 80), 60, 5), 0).astype(np.float32)
    assert not blacked_out(values).any()
    dots = np.random.default_rng(1).integers(0, 4, (100, 80)).astype(np.float32)
    assert not blacked_out(dots).any()


def test_the_level_of_air_follows_the_rows():
    air = np.linspace(40, 10, 120)[:, None]
    values = (air + noise((120, 90), 0, 1)).astype(np.float32)
    values[:, :40] += 100
    flags = []
    bright, _ = foreground(values, flags)
    assert bright[:, :40].all()
    assert bright[:, 41:].mean() < 0.01
    assert flags == []


def test_an_edge_is_sharp_where_white_meets_dark():
    values = noise((100, 100), 5, 1)
    x = np.arange(60)
    values[:, :60] += 100 * np.clip((60 - x) / 15, 0, 1)
    values[20:50, 75:95] = 180
    bright, sharp = foreground(values, [])
    assert sharp[20:50, [75, 94]].all()
    assert sharp[[20, 49], 75:95].all()
    assert not sharp[:, :70].any()
    assert bright[20:50, 75:95].all()
