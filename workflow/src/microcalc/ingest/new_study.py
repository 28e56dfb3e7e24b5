"""`make new-study`: a folder with tables, their example rows, and a commented config."""

import re
import sys
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.core.files import write_text

TEMPLATE = Path(__file__).parents[3] / "new_study"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def lay_out(name: str, studies: Path) -> Path:
    """Write a new study's tables and config into `studies`/`name`; return that folder.

    Parameters
    ----------
    name
        The study's name, as the config takes it.
    studies
        The folder of all studies.

    Raises
    ------
    StudyError
        When the name cannot be one, or there is such a folder already.
    """
    if not NAME.fullmatch(name):
        raise StudyError(
            f"NAME={name}: not a study's name; expected letters, digits, dot, dash and underscore, "
            "such as make new-study NAME=my-study"
        )
    folder = studies / name
    if folder.exists():
        raise StudyError(f"{folder} is there already and is left as it is; choose another NAME")
    (folder / "images").mkdir(parents=True)
    for template in sorted(TEMPLATE.iterdir()):
        text = template.read_text(encoding="utf-8").replace("NAME", name)
        write_text(text, folder / template.name)
    return folder


def main(name: str) -> None:
    """Lay a study out in `studies` where `make` runs, and say what comes next.

    Raises
    ------
    SystemExit
        With the words of `lay_out`'s StudyError.
    """
    try:
        config = lay_out(name, Path("studies")) / "config.yaml"
    except StudyError as error:
        sys.exit(str(error))
    sys.stdout.write(
        f"{config.parent} holds tables with example rows and a config to go through. What is "
        "still wrong says\n"
        f"  .venv/bin/snakemake check --cores 1 --configfile {config}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
