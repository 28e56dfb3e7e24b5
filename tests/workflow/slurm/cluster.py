"""A SLURM of our own on this machine: two nodes and a pretended GPU, its state in one folder."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
NODES = ("n1", "n2")
CPUS = 4
MIN_JOB_AGE = 7200
# SLURM's commands find no other place once a job has shed its SLURM_* variables, as ours do.
CONFIGURATION = Path("/etc/slurm")
MARK = "# Of MicroCalc's SLURM tests, which take it away when they end.\n"
LOCK = Path(tempfile.gettempdir(), "microcalc-slurm.lock")
SETTING = re.compile(r"(\S+?)=(\S*)")
T = TypeVar("T")

SLURM_CONF = """\
ClusterName=microcalc
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
MpiDefault=none
SwitchType=switch/none
TaskPlugin=task/none
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
# Without control groups, a job's memory is looked at every two seconds.
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
# The nodes pretend to be larger than the machine.
SlurmdParameters=config_overrides
ReturnToService=2
# A dead node is noticed after ten seconds.
SlurmdTimeout=10
KillWait=3
MinJobAge={min_job_age}
JobRequeue=0
# A partition's own mode stands before this one, which only has to be some.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory=64000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} CPUs={cpus} RealMemory=64000 \
Gres=gpu:1
PartitionName=cpu Nodes=n1,n2 Default=YES State=UP
PartitionName=gpu Nodes=n2 State=UP
PartitionName=cancelled Nodes=n1,n2 State=UP PreemptMode=CANCEL
PartitionName=requeued Nodes=n1,n2 State=UP PreemptMode=REQUEUE
PartitionName=urgent Nodes=n1,n2 State=UP PriorityTier=2 PreemptMode=OFF
"""
GRES_CONF = """\
AutoDetect=off
NodeName=n2 Name=gpu Count=1 File=/dev/null
"""


class SlurmUnavailableError(RuntimeError):
    """No SLURM can be started on this machine, and why."""


@dataclass
class Cluster:
    """A running SLURM, and the processes that it consists of."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def jobs(self, run: str | None = None) -> list[dict[str, str]]:
        """Return what SLURM knows of each job, in the order of their numbers; of one run or all."""
        lines = ask("scontrol", "show", "job", "--oneliner").splitlines()
        found = [dict(SETTING.findall(line)) for line in lines if line.startswith("JobId=")]
        found.sort(key=lambda job: int(job["JobId"]))
        return [job for job in found if run in (None, job["JobName"])]

    def alive(self) -> list[dict[str, str]]:
        """Return the jobs that wait, run or end."""
        return [j for j in self.jobs() if j["JobState"] in ("PENDING", "RUNNING", "COMPLETING")]

    def held(self, comment: str, rule: str) -> dict[str, str]:
        """Wait until a job runs its rule's script, stop that in mid-run, and return the job."""

        def running() -> tuple[dict[str, str], int] | None:
            jobs = [j for j in self.alive() if j.get("Comment") == comment]
            pids = [p for j in jobs for p in processes(j["JobId"]) if is_script(p, rule)]
            return (jobs[-1], pids[0]) if pids else None

        job, pid = eventually(running, 90, f"{comment} to run its script")
        os.kill(pid, signal.SIGSTOP)
        return job

    def start(self, name: str, *command: str) -> None:
        """Start a daemon that dies with this process, its output in a file of its name."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_node(self, name: str) -> None:
        self.start(name, "slurmd", "-D", "-N", name)

    def start_controller(self) -> None:
        self.start("slurmctld", "slurmctld", "-D", "-i")

    def kill_controller(self) -> None:
        """Let the controller die as by a power cut; nodes and their jobs go on."""
        time.sleep(6)  # what is younger than five seconds it may not have saved
        self.daemons["slurmctld"].kill()
        self.daemons["slurmctld"].wait()

    @contextmanager
    def forgetful(self, seconds: int) -> Iterator[None]:
        """Let the controller forget jobs so soon after their end; it looks once a minute."""
        path = CONFIGURATION / "slurm.conf"
        text = path.read_text()
        setting = f"MinJobAge={MIN_JOB_AGE}\n"
        assert setting in text
        path.write_text(text.replace(setting, f"MinJobAge={seconds}\n"))
        subprocess.run(["scontrol", "reconfigure"], check=True)
        try:
            yield
        finally:
            path.write_text(text)
            subprocess.run(["scontrol", "reconfigure"], check=True)

    def wait_until_idle(self) -> None:
        def idle() -> bool:
            states = ask("sinfo", "--noheader", "--Node", "--partition=cpu", "--format=%t")
            return states.split() == ["idle"] * len(NODES)

        eventually(idle, 60, "both nodes to be idle")

    def kill_node(self, name: str) -> None:
        """Let a node die as by a power cut: its daemon and every process of its jobs at once."""
        jobs = [job["JobId"] for job in self.alive() if job["NodeList"] == name]
        self.daemons[name].kill()
        for job_id in jobs:
            # The step's daemon first, or it lives to report that its job failed.
            for pid in (*step_daemons(job_id), *processes(job_id)):
                os.kill(pid, signal.SIGKILL)
        self.daemons[name].wait()

    def stop(self) -> None:
        """End every job and every process that was started here."""
        for job in self.alive():
            ask("scancel", job["JobId"])
        eventually(lambda: not self.alive(), 60, "all jobs to end")
        for name in reversed(list(self.daemons)):
            self.daemons[name].terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()


@contextmanager
def running() -> Iterator[Cluster]:
    """Start a cluster; at the end stop what was started and put back what was changed.

    Raises
    ------
    SlurmUnavailableError
        When this machine cannot have one. Nothing was changed then.
    """
    with ExitStack() as stack:
        # One cluster at a time: they would share one configuration.
        stack.enter_context(FileLock(LOCK))
        refuse_where_impossible()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="microcalc-slurm-")))
        folder.chmod(0o755)
        (folder / "state").mkdir()
        stack.enter_context(configured(folder))
        cluster = Cluster(folder)
        stack.callback(cluster.stop)
        start_daemons(cluster)
        yield cluster


def refuse_where_impossible() -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise SlurmUnavailableError(
            f"SLURM is not installed on this machine ({', '.join(missing)} not found); "
            "install it: apt-get install slurm-wlm munge"
        )
    if os.geteuid() != 0:
        raise SlurmUnavailableError(
            f"a SLURM of our own needs root, to write {CONFIGURATION}; run as root, in a container"
        )
    if subprocess.run(["scontrol", "ping"], capture_output=True, timeout=60).returncode == 0:
        raise SlurmUnavailableError(
            "this machine already belongs to a running SLURM cluster, which a second one would "
            "disturb; run on another machine"
        )


@contextmanager
def configured(folder: Path) -> Iterator[None]:
    """Put our configuration where SLURM looks for it, and put back what was there."""
    texts = {
        "slurm.conf": SLURM_CONF.format(
            folder=folder,
            host=socket.gethostname().split(".")[0],
            cpus=CPUS,
            ports=free_ports(4),
            min_job_age=MIN_JOB_AGE,
        ),
        "gres.conf": GRES_CONF,
    }
    CONFIGURATION.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name, text in texts.items():
            path, kept = CONFIGURATION / name, CONFIGURATION / f"{name}.kept-by-microcalc"
            # A file with our mark is left over from tests that were killed.
            if path.exists() and not path.read_text().startswith(MARK):
                path.rename(kept)
            stack.callback(put_back, path, kept)
            path.write_text(MARK + text)
        yield


def put_back(path: Path, kept: Path) -> None:
    path.unlink(missing_ok=True)
    if kept.exists():
        kept.rename(path)


def start_daemons(cluster: Cluster) -> None:
    folder = cluster.folder
    subprocess.run(["mungekey", "--create", f"--keyfile={folder}/munge.key"], check=True)
    cluster.start(
        *("munged", "munged", "--foreground", "--force", f"--key-file={folder}/munge.key"),
        *(f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid"),
        *(f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"),
    )
    eventually((folder / "munge.socket").exists, 20, "munged to answer")
    cluster.start_controller()
    for name in NODES:
        cluster.start_node(name)
    try:
        cluster.wait_until_idle()
    except TimeoutError as error:
        logs = [path.read_text()[-2000:] for path in sorted(folder.glob("*.log"))]
        raise SlurmUnavailableError("\n".join([f"SLURM did not start: {error}", *logs])) from None


def free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def ask(*command: str) -> str:
    """Return what a command prints; nothing when it fails, as SLURM's do before it answers."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def eventually(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return what `look` finds as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"waited {seconds} s in vain for {what}")


def processes(job_id: str) -> list[int]:
    """Return the processes of a job, found by the job's number in their environment."""
    wanted = f"SLURM_JOB_ID={job_id}".encode()
    return [pid for pid, environment in proc("environ") if wanted in environment]


def step_daemons(job_id: str) -> list[int]:
    """Return the processes by which a node minds a job's steps."""
    wanted = f"slurmstepd: [{job_id}.".encode()
    return [pid for pid, command in proc("cmdline") if command[0].startswith(wanted)]


def is_script(pid: int, rule: str) -> bool:
    """Return whether a process is the script of a rule, and not the Snakemake around it."""
    command: Sequence[bytes] = next((c for p, c in proc("cmdline") if p == pid), [b""])
    return any(part.endswith(f".{rule}.py".encode()) for part in command)


def proc(name: str) -> Iterator[tuple[int, list[bytes]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parts = (folder / name).read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended since
            yield int(folder.name), parts
