import subprocess
import sys
from pathlib import Path

PROGRAM = """
from microcalc.core.errors import StudyError
from microcalc.core.logs import start
start({log!r}).info("reading")
raise {error}
"""


def run(log: Path, error: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(log=str(log), error=error)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_a_study_error_is_one_sentence_on_the_console_and_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "rule.log"
    done = run(log, "StudyError('case C7: no ROI; give one')")
    assert done.returncode == 1
    assert done.stderr == f"StudyError: case C7: no ROI; give one\nSee {log}\n"
    assert log.read_text().splitlines()[-1].endswith("StudyError: case C7: no ROI; give one")
    assert "Traceback" not in log.read_text()


def test_an_unforeseen_error_keeps_its_traceback_in_the_log_alone(tmp_path: Path) -> None:
    log = tmp_path / "rule.log"
    done = run(log, "ZeroDivisionError('n is 0')")
    assert "Traceback" not in done.stderr
    assert "Traceback" in log.read_text()
    assert log.read_text().splitlines()[-1].endswith("ZeroDivisionError: n is 0")


def test_a_job_that_is_told_to_end_says_so_and_leaves_no_half_file(tmp_path: Path) -> None:
    log, target = tmp_path / "rule.log", tmp_path / "result.csv"
    program = f"""
import os, signal
from microcalc.core.files import atomic_path
from microcalc.core.logs import start
start({str(log)!r})
with atomic_path({str(target)!r}) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "told to end" in log.read_text().splitlines()[-1]
    assert list(tmp_path.iterdir()) == [log]


def test_a_full_disk_is_told_with_what_to_do_whatever_the_librarys_kind_of_error(
    tmp_path: Path,
) -> None:
    log = tmp_path / "rule.log"
    for kind in (
        "OSError(28, 'No space left on device')",
        "ValueError('IoError: No space left on device')",
    ):
        done = run(log, kind)
        assert "the disk is full: make room and run the same command again" in done.stderr


def test_a_log_without_room_leaves_the_console_readable() -> None:
    done = run(Path("/dev/full"), "StudyError('case C7: no ROI; give one')")
    assert done.stderr == "StudyError: case C7: no ROI; give one\nSee /dev/full\n"
