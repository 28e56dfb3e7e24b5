import multiprocessing
import os
import weakref
from types import SimpleNamespace

import pytest
import torch
from tests.unit.features import gpu_users
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from microcalc.core.errors import StudyError
from microcalc.features import backbone, device

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_auto_takes_a_gpu_only_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose("auto") == CPU
    with pytest.raises(StudyError, match="sees no CUDA GPU"):
        device.choose("cuda")
    with pytest.raises(StudyError, match="expected auto, cpu or cuda"):
        device.choose("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.choose("auto") == CUDA
    assert device.choose("cpu") == CPU


def test_precisions():
    for precision, where in (("float32", CPU), ("bfloat16", CPU), ("float16", CUDA)):
        device.check_precision(precision, where)
    with pytest.raises(StudyError, match="float16, which needs a CUDA GPU"):
        device.check_precision("float16", CPU)
    with pytest.raises(StudyError, match="expected float32, bfloat16, float16"):
        device.check_precision("int8", CPU)


def test_batches_fit_into_memory(monkeypatch):
    assert device.batch_size(CPU, 224) == device.CPU_BATCH
    assert device.batch_size(CPU, 1024) == 1 * (2**30 * 224**2 // (96 * 2**20 * 1024**2)) or 1
    assert device.batch_size(CPU, 10_000) == 1
    for free, expected in ((80 * 2**30, device.CUDA_BATCH), (2**30, 5), (0, 1)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _d, free=free: (free, 80 * 2**30))
        assert device.batch_size(CUDA, 224) == expected


class _Alive(TorchDispatchMode):
    """Counts the bytes of all tensors made in its context that are alive at once."""

    def __init__(self, weights):
        super().__init__()
        self.now = self.most = 0
        # A view of a weight is no new tensor.
        self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in weights}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            storage = tensor.untyped_storage()
            if storage._cdata not in self.sizes:
                self.sizes[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                weakref.finalize(storage, self._gone, storage._cdata)
        self.most = max(self.most, self.now)
        return result

    def _gone(self, storage):
        self.now -= self.sizes.pop(storage)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mib"), [("resnet101", 11), ("vgg19_bn", 26), ("maxvit_t", 33), ("vit_b_16", 9)]
)
def test_a_patch_needs_no_more_memory_than_batches_are_planned_by(name, mib):
    body, _ = backbone.build(name)
    images = torch.empty((2, 3, 224, 224), device="meta")
    with torch.no_grad(), _Alive([*body.parameters(), *body.buffers(), images]) as alive:
        body.eval()(images)
    taken = (alive.most + images.nbytes) / 2
    assert 0.8 * mib < taken / 2**20 <= mib
    assert 3 * taken <= device.BYTES_PER_PATCH * 224**2


def test_a_cpu_needs_no_lock(tmp_path):
    with device.hold(CPU, folder=tmp_path) as held:
        assert held == CPU
    assert not list(tmp_path.iterdir())


def test_a_gpu_is_locked_by_its_own_name(tmp_path, monkeypatch):
    properties = [SimpleNamespace(uuid="aa"), SimpleNamespace(uuid="bb")]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    with device.hold(CUDA, folder=tmp_path) as first, device.hold(CUDA, folder=tmp_path) as second:
        assert (first.index, second.index) == (0, 1)
    with device.hold(CUDA, folder=tmp_path) as again:
        assert again.index == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "microcalc-gpu-aa.lock",
        "microcalc-gpu-bb.lock",
    ]


def test_two_processes_never_hold_one_gpu(tmp_path):
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    with device.lock_one(["gpu"], tmp_path):
        workers = [context.Process(target=gpu_users.use, args=(tmp_path, events)) for _ in range(2)]
        for worker in workers:
            worker.start()
        assert [events.get(timeout=60) for _ in workers] == ["asks", "asks"]
        workers[0].join(0.2)
        assert events.empty()
    for worker in workers:
        worker.join(60)
    assert [events.get(timeout=60) for _ in range(4)] == ["in", "out", "in", "out"]


def test_a_killed_job_leaves_no_lock(tmp_path):
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=gpu_users.die, args=(tmp_path,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -9
    with device.lock_one(["gpu"], tmp_path) as index:
        assert index == 0


def test_another_users_lock_can_be_taken(tmp_path, monkeypatch):
    """In /tmp Linux refuses to create what is there and belongs to somebody else."""
    before = os.umask(0o077)
    try:
        with device.lock_one(["gpu"], tmp_path):
            pass
    finally:
        os.umask(before)
    path = tmp_path / "microcalc-gpu-gpu.lock"
    assert path.stat().st_mode & 0o777 == 0o644
    allowed = os.open

    def protected(name, flags, *mode):
        if flags & os.O_CREAT and name == path:
            raise PermissionError(name)
        return allowed(name, flags, *mode)

    monkeypatch.setattr(os, "open", protected)
    with device.lock_one(["gpu"], tmp_path) as index:
        assert index == 0


def test_waiting_is_said_once(tmp_path, caplog):
    caplog.set_level("INFO", logger="microcalc")
    naps = []

    class Enough(Exception):
        pass

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            raise Enough

    with (
        device.lock_one(["gpu"], tmp_path),
        pytest.raises(Enough),
        device.lock_one(["gpu"], tmp_path, sleep=nap),
    ):
        pass
    assert len(caplog.messages) == 1
    assert "waiting" in caplog.messages[0]
