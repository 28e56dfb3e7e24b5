"""SLURM executor: Snakemake's plugin, mended where it waits for ever or leaves jobs behind.

The plugin submits and words its jobs as before. What is ours is how the state of jobs is asked
for, and the end of a run. Version 2.8.0 of the plugin

- waits for ever for a job that SLURM preempted, or that its controller has forgotten (a job is
  forgotten `MinJobAge` seconds after its end, which a suspended head outlasts);
- loses all its jobs, and waits for ever, when the controller does not answer five times in a row;
- gives a job up that could not be submitted because the controller did not answer;
- cancels on Ctrl-C the jobs whose numbers it holds at that moment: not one whose submission is
  under way, and none at all while it asks for their states.

`snakemake_habits.use_own_slurm_executor` puts it in the plugin's place.
"""

import asyncio
import re
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import snakemake_executor_plugin_slurm as plugin
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import get_job_wildcards

PLUGIN = "snakemake-executor-plugin-slurm"
MENDED = "2.8.0"
"""The version of the plugin whose inner names are used and whose faults are mended here."""

FAILED = (
    *("BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "RECONFIG_FAIL", "REVOKED", "TIMEOUT"),
)
"""States in which a job has ended without success."""

ASKED_AGAIN = 3
"""First waits for a job until a controller that did not answer is asked again."""

LONGEST_WAIT = 180
"""Seconds between two looks at jobs that go on and on, at most."""

CANCELLING = 60
"""Seconds within which a controller that answers has cancelled a run's jobs."""

_NO_ANSWER = re.compile(
    r"contact slurm controller|socket timed out|zero bytes were transmitted|"
    r"connection (refused|timed out)|standby mode",
    re.I,
)
"""What `sbatch` says when nobody took its job, or nobody said that it was taken."""


class SlurmExecutor(plugin.Executor):  # type: ignore[misc]
    """The plugin's executor, which survives preemption, forgetting and silence.

    Parameters
    ----------
    workflow, logger
        As Snakemake gives them.

    Raises
    ------
    WorkflowError
        When another version of the plugin is installed, or array jobs are asked for.
    """

    next_seconds_between_status_checks: float

    def __init__(self, workflow: Any, logger: Any) -> None:
        if (found := version(PLUGIN)) != MENDED:
            raise plugin.WorkflowError(
                f"{PLUGIN} {found} is installed; this workflow knows version {MENDED}, whose "
                f"endless waits it mends: pip install '{PLUGIN}=={MENDED}' (`make cluster`)"
            )
        if workflow.executor_settings.array_jobs:
            raise plugin.WorkflowError(
                f"--slurm-array-jobs: in {PLUGIN} {MENDED} a task that fails deletes the output of "
                "the first; leave the option out, shards are few"
            )
        plugin.get_submit_command = _undisturbed_submission
        self._ending = threading.Event()
        self._silences = 0
        self._unsent: list[Any] = []
        self._before: dict[Any, dict[str, tuple[int, int]]] = {}
        self._missed_since: dict[str, float] = {}
        self._preemptions: dict[Any, int] = {}
        self._owners: dict[str, Any] = {}
        self._interrupt: Any = None
        super().__init__(workflow, logger)

    def __post_init__(self, test_mode: bool = False) -> None:
        super().__post_init__(test_mode)
        self._tell_bounds()
        on_main_thread = threading.current_thread() is threading.main_thread()
        # Where Ctrl-C is ignored or somebody else's, it stays so.
        if on_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._interrupt = signal.signal(signal.SIGINT, self._on_first_interrupt)

    def _tell_bounds(self) -> None:
        answer = self._asked("scontrol", "show", "config")
        if answer is None:
            return
        found = dict(re.findall(r"^(\w+)\s*=\s*(\S+)", answer, re.M))
        if found.get("AccountingStorageType", "").endswith(("none", "(null)")):
            self.logger.info(
                "This cluster keeps no accounts of its jobs (no slurmdbd), and `sacct` tells "
                f"nothing. A job is known for {found.get('MinJobAge', '?')} s after its end "
                "(MinJobAge); of one that SLURM has forgotten, its results tell what became of it."
            )

    def _on_first_interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._on_later_interrupt)
        raise KeyboardInterrupt

    def _on_later_interrupt(self, number: int, frame: FrameType | None) -> None:
        self.logger.info("The jobs are being cancelled; this takes a minute at most.")

    def run_job(self, job: Any) -> None:
        """Submit a job; runs in a thread of its own."""
        if self._ending.is_set():
            return
        self._before[job] = {str(path): _identity(path) for path in _outputs(job)}
        super().run_job(job)

    def report_job_submission(self, job_info: Any, register_job: bool = True) -> None:
        """Take note of a job that SLURM has taken."""
        self._owners[job_info.external_jobid] = job_info.job
        super().report_job_submission(job_info, register_job=register_job)

    def _report_job_error_threadsafe(self, job_info: Any, msg: str) -> None:
        said = msg.partition("sbatch call:")[0]
        if self._ending.is_set():
            return
        if _NO_ANSWER.search(said):
            self.logger.warning(
                f"SLURM's controller did not take job {_comment(job_info.job)} ({said.strip()}) "
                "It is submitted again when the controller answers."
            )
            self._unsent.append(job_info.job)
            return
        super()._report_job_error_threadsafe(job_info, msg)

    async def check_active_jobs(self, active_jobs: list[Any]) -> AsyncIterator[Any]:
        """Ask for the state of jobs, report those that have ended, and return the others.

        Parameters
        ----------
        active_jobs
            What was submitted and was not seen to end.

        Yields
        ------
        SubmittedJobInfo
            Each job that is still to be waited for.
        """
        listed = await self._list_jobs() if active_jobs or self._unsent else {}
        waiting = active_jobs
        if self._ending.is_set():  # what ends now was cancelled here
            pass
        elif listed is None:
            self._bear_silence()
        else:
            self._hear_again()
            self._submit_unsent(listed)
            waiting = [job for job in active_jobs if not await self._has_ended(job, listed)]
            goes_on = active_jobs and len(waiting) == len(active_jobs)
            wait = self.next_seconds_between_status_checks + 10 if goes_on else self._first_wait
            self.next_seconds_between_status_checks = min(wait, LONGEST_WAIT)
        for job in waiting:
            yield job

    async def _list_jobs(self) -> dict[str, tuple[str, str]] | None:
        """Return state and comment of each job of this run that the controller still knows."""
        command = ("squeue", "--noheader", "--states=all", f"--name={self.run_uuid}")
        answer = await asyncio.to_thread(self._asked, *command, "--format=%i|%T|%k")
        if answer is None:
            return None
        lines = [line.strip().split("|", 2) for line in answer.splitlines()]
        return {number: (state, comment) for number, state, comment in lines}

    @property
    def _first_wait(self) -> int:
        return int(self.workflow.executor_settings.init_seconds_before_status_checks)

    def _bear_silence(self) -> None:
        settings = self.workflow.executor_settings
        attempts, pause = settings.status_attempts, self._first_wait * ASKED_AGAIN
        seconds = attempts * pause
        bound = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds} s"
        self._silences += 1
        self.next_seconds_between_status_checks = pause
        if self._silences == 1:
            self.logger.warning(
                "SLURM's controller does not answer (`squeue` failed). Running jobs do not mind; "
                f"it is asked again every {pause} s, for {bound}."
            )
        if self._silences < attempts:
            return
        self._ending.set()
        self.wait = False
        words = (
            f"SLURM's controller has not answered for {bound}: this run ends. Jobs that it "
            "submitted may still run. As soon as `squeue` answers, cancel them with "
            f"`scancel --name={self.run_uuid}`, and when they are gone run the same command again; "
            "what is finished is not done again."
        )
        self.workflow.scheduler.executor_error_callback(plugin.WorkflowError(words))

    def _hear_again(self) -> None:
        if self._silences:
            self.logger.warning("SLURM's controller answers again.")
            self._silences = 0

    def _submit_unsent(self, listed: dict[str, tuple[str, str]]) -> None:
        unsent, self._unsent = self._unsent, []
        comments = {_comment(job) for job in unsent}
        taken = [
            number
            for number, (_, comment) in listed.items()
            if comment in comments and number not in self._owners
        ]
        if taken:  # the controller had taken them, but could not say so any more
            self._asked("scancel", *taken)
        for job in unsent:
            self._job_submission_executor.submit(self.run_job, job)

    async def _has_ended(self, job_info: Any, listed: dict[str, tuple[str, str]]) -> bool:
        """Report a job that has ended, or submit it again; return whether it is waited for."""
        number = job_info.external_jobid
        state, _ = listed.get(number, ("FORGOTTEN", ""))
        log = job_info.aux["slurm_logfile"]
        # A controller that was killed loses its youngest jobs, and gives their numbers again.
        if state == "FORGOTTEN" or self._owners[number] is not job_info.job:
            return await self._has_found_forgotten(job_info)
        self._missed_since.pop(number, None)
        if state == "COMPLETED":
            self._report_success(job_info)
        elif state == "PREEMPTED":
            self._submit_preempted(job_info)
        elif state in FAILED:
            told = f"SLURM-job '{number}' failed, SLURM status is: '{state}'. "
            self.report_job_error(job_info, msg=told, aux_logs=[str(log)])
        else:
            return False
        return True

    async def _has_found_forgotten(self, job_info: Any) -> bool:
        number, job = job_info.external_jobid, job_info.job
        if await self._is_done(job):
            self.logger.info(
                f"SLURM has forgotten job {number} ({_comment(job)}); its results are whole, it "
                "succeeded."
            )
            self._report_success(job_info)
            return True
        missed = time.monotonic() - self._missed_since.setdefault(number, time.monotonic())
        # A shared file system shows the results of a node late.
        if missed < self.workflow.execution_settings.latency_wait:
            return False
        told = (
            f"SLURM no longer knows job {number}, and its results are not whole: it failed, or was "
            "lost. "
        )
        log = job_info.aux["slurm_logfile"]
        self.report_job_error(job_info, msg=told, aux_logs=[str(log)])
        return True

    async def _is_done(self, job: Any) -> bool:
        """Return whether a job's results are whole, and were made since it was submitted.

        A job takes Snakemake's mark of incompleteness from its results when it has made them, and
        removes them where it fails. What a job updates in place is put back then, and tells
        nothing.
        """
        before = self._before[job]
        for path in _outputs(job):
            existed = before[str(path)] != _ABSENT
            is_updated = "update" in getattr(path, "flags", {})
            if _identity(path) in (_ABSENT, before[str(path)]) or (existed and is_updated):
                return False
        persistence = self.workflow.persistence
        persistence.deactivate_cache()  # the marks are taken away by other processes
        return not any([await persistence.incomplete(single) for single in _singles(job)])

    def _report_success(self, job_info: Any) -> None:
        self.report_job_success(job_info)
        if not self.workflow.executor_settings.keep_successful_logs:
            Path(job_info.aux["slurm_logfile"]).unlink(missing_ok=True)

    def _submit_preempted(self, job_info: Any) -> None:
        job = job_info.job
        times = self._preemptions[job] = self._preemptions.get(job, 0) + 1
        self.logger.warning(
            f"SLURM preempted job {job_info.external_jobid} ({_comment(job)}) for a more urgent one"
            f"{f', {times} times so far' if times > 1 else ''}. It is submitted again as it was; "
            "this is no failure, and not counted among the retries."
        )
        self._job_submission_executor.submit(self.run_job, job)

    def cancel(self) -> None:
        """Cancel every job of this run, also one whose submission is under way; then shut down."""
        self._ending.set()
        name = f"--name={self.run_uuid}"
        self._asked("scancel", name)
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        end = time.monotonic() + CANCELLING
        while time.monotonic() < end:
            self._asked("scancel", name)
            states = self._asked("squeue", "--noheader", name, "--format=%T")
            if states is not None and set(states.split()) <= {"COMPLETING"}:
                break
            time.sleep(0.5)
        else:
            self.logger.error(
                "SLURM did not confirm that this run's jobs are cancelled. As soon as it answers: "
                f"`scancel {name}`, and run nothing here before `squeue {name}` lists none."
            )
        self.shutdown()

    def shutdown(self) -> None:
        """Wait for submissions and the thread that asks for states."""
        super().shutdown()
        if self._interrupt is not None:
            signal.signal(signal.SIGINT, self._interrupt)

    async def sleep(self) -> None:
        """Wait until jobs are asked for again, or the run ends."""
        end = time.monotonic() + self.next_seconds_between_status_checks
        while self.wait and time.monotonic() < end:
            await asyncio.sleep(0.5)

    def _asked(self, *command: str) -> str | None:
        """Return what one of SLURM's commands prints; None when it fails or hangs."""
        try:
            # A session of its own: Ctrl-C on the terminal is for this process.
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=60, start_new_session=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self.logger.debug(f"{' '.join(command)}: {error}")
            return None
        self.logger.debug(f"{' '.join(command)}: {done.returncode} {done.stderr}")
        return done.stdout if done.returncode == 0 else None


def _undisturbed_submission(*arguments: Any, **named: Any) -> str:
    """Return the plugin's command, deaf to Ctrl-C, which a terminal sends to sbatch too.

    It would die when SLURM has its job and before it has told the job's number.
    """
    return f"trap '' INT; {get_submit_command(*arguments, **named)}"


_ABSENT = (0, 0)


def _identity(path: Any) -> tuple[int, int]:
    """Return what changes when a file is made anew, whatever the clocks."""
    try:
        found = Path(path).stat()
    except OSError:
        return _ABSENT
    return found.st_ino, found.st_mtime_ns


def _singles(job: Any) -> list[Any]:
    return list(job.jobs) if job.is_group() else [job]


def _outputs(job: Any) -> Iterator[Any]:
    return (path for single in _singles(job) for path in single.output)


def _comment(job: Any) -> str:
    """Return the comment by which the plugin tells SLURM what a job is."""
    wildcards = get_job_wildcards(job)
    return f"rule_{job.name}_wildcards_{wildcards}" if wildcards else f"rule_{job.name}"
