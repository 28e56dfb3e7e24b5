"""Write the demo's tables, from the repository's root: `python -m microcalc.simulate`."""

import argparse

from microcalc.simulate import cohort

DEMO_SEED = 2025


def main(arguments: list[str] | None = None) -> None:
    """Draw a cohort and write its three tables."""
    parser = argparse.ArgumentParser(prog="python -m microcalc.simulate", description=__doc__)
    parser.add_argument("--folder", default="workflow/demo", help="where the tables go")
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    parser.add_argument("--negative", type=int, default=106, help="cases of DCIS")
    parser.add_argument("--positive", type=int, default=188, help="cases of IDC")
    parser.add_argument("--tiny", action="store_true", help="a small field, for tests")
    chosen = parser.parse_args(arguments)
    field = cohort.TINY_FIELD_MM if chosen.tiny else cohort.FIELD_MM
    tables = cohort.draw(
        chosen.seed, n_negative=chosen.negative, n_positive=chosen.positive, field_mm=field
    )
    tables.write(chosen.folder)


if __name__ == "__main__":
    main()
