from microcalc.core.seeds import derive, stream


def test_streams_differ_by_name_and_by_seed_and_are_stable() -> None:
    draws = {stream(seed, *name).integers(2**62) for seed in (1, 2) for name in ("a", "b", "ab")}
    assert len(draws) == 6
    assert derive(2025, "simulate") == 6664273728452816889
    assert derive(1, "a", "b") != derive(1, "ab")
