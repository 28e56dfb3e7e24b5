"""What a study is refused for stands last on the console, and nothing stays locked."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.tiny import Study, lay_out

NOT_A_TABLE = "images.csv: not a text table; save it as CSV (UTF-8)"


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return lay_out(tmp_path_factory.mktemp("laid-out"))


@pytest.fixture
def tiny(laid_out: Study, tmp_path: Path) -> Study:
    """The tiny study's tables and config, nothing run."""
    shutil.copytree(laid_out.folder, tmp_path, dirs_exist_ok=True)
    return Study(tmp_path)


def misspell(study: Study) -> str:
    study.configure(lambda config: config["selection"].update(fold=3))
    return "  - selection.fold: no such key (did you mean 'folds'?)"


def repeat(study: Study) -> str:
    path = study.folder / "config.yaml"
    text = f"seed: 1\n{path.read_text()}"
    path.write_text(text)
    line = text[: text.index("\nseed:")].count("\n") + 2
    return f"  - seed: stands on line {line} and on line 1; keep one"


def spoil_table(study: Study) -> str:
    (study.folder / "images.csv").write_bytes(b"case_id,patient_id\n\xff\xfe\x00\x81,1\n")
    return NOT_A_TABLE


def lose_table(study: Study) -> str:
    (study.folder / "cases.csv").unlink()
    return "cases.csv: there is no such table; check its path in the config"


def lose_images(study: Study) -> str:
    """Make a study of real patients of it, whose images are not there."""

    def ask(config: dict) -> None:
        del config["simulate"]

    study.configure(ask)
    return "  ... and 46 more"


@pytest.mark.parametrize("target", ["all", "check"])
@pytest.mark.parametrize("spoil", [misspell, repeat, spoil_table, lose_table, lose_images])
def test_the_sentence_stands_last(target: str, spoil: Callable[[Study], str], tiny: Study) -> None:
    last = spoil(tiny)
    done = tiny.snakemake(target, check=False)
    assert done.returncode != 0
    assert done.stderr.rstrip("\n").endswith(f"\n{last}"), done.stderr
    assert ".smk" not in done.stderr
    assert not list(tiny.folder.glob(".snakemake/locks/*"))


def test_a_job_that_reads_the_rules_again_says_no_more(tiny: Study) -> None:
    last = misspell(tiny)
    job = ("--mode", "remote", "--nolock", "--target-jobs", "build_cohort:")
    done = tiny.snakemake(*job, "--allowed-rules", "build_cohort", check=False)
    assert done.returncode != 0
    assert done.stderr.endswith(f"{last}\n"), done.stderr
    assert ".smk" not in done.stderr


def test_an_apply_that_lacks_its_cohort_says_no_more(tiny: Study) -> None:
    done = tiny.snakemake("apply", check=False)
    assert done.returncode != 0
    assert done.stderr.endswith("cohort=<folder with cases.csv and images.csv>\n"), done.stderr


def test_an_ingest_says_no_more_than_what_it_would_write_over(tiny: Study) -> None:
    asked = ("--config", "ingest=cmmd", "source=source", "target=.")
    done = tiny.snakemake("ingest", *asked, check=False)
    assert done.returncode != 0
    assert done.stderr.endswith("remove it or name another folder with target=...\n"), done.stderr
    assert not list(tiny.folder.glob(".snakemake/locks/*"))


def test_a_job_that_waited_on_a_cluster_while_the_config_was_edited_is_not_started(
    study: Study,
) -> None:
    """As a cluster's node starts it: the config is read again, hours after the plan was made."""
    study.snakemake("--forcerun", "build_cohort", "--", "results/tiny/cohort/eligible.csv")
    job = ("--mode", "remote", "--nolock", "--target-jobs", "build_cohort:", "--")
    before = (study.results / "cohort" / "eligible.csv").read_bytes()
    study.snakemake("--force", *job)
    study.configure(lambda config: config["cohort"].update(train_fraction=0.5))
    refused = study.snakemake("--force", *job, check=False)
    assert refused.returncode != 0
    assert "cohort: changed after this job was planned" in refused.stderr
    assert "Traceback" not in refused.stderr
    study.configure(lambda config: config["cohort"].update(train_fraction=0.65))
    study.snakemake("--force", *job)
    assert (study.results / "cohort" / "eligible.csv").read_bytes() == before
