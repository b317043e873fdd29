"""Which GPU is the least loaded, and that one that is absent is no error."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from embeddings import gpu
from embeddings.gpu import Gpu, Telemetry, is_counted_otherwise, least_loaded
from embeddings.process import choose_device
from proxy.admin.metrics import Exposition
from proxy.ledger.tally import Tally
from tests.waiting import until

BUSY = Gpu(0, "GPU-aa", "H200", 0.9, 10, 100)
FULL = Gpu(1, "GPU-bb", "H200", 0.0, 90, 100)
FREE = Gpu(2, "GPU-cc", "H200", 0.02, 5, 100, 40.0, 71.5, 0)


@pytest.mark.parametrize(
    ("visible", "chosen"),
    [(None, FREE), ("0,1", FULL), ("GPU-aa", BUSY), ("2", FREE), ("", None), ("7", None),
     ("0,-1,2", BUSY), ("GPU-bb,GPU-cc", FREE), ("GPU-,GPU-cc", None)],
)  # fmt: skip
def test_the_least_loaded_of_those_that_are_ours(visible: str | None, chosen: Gpu | None) -> None:
    assert least_loaded([BUSY, FULL, FREE], visible) == chosen


@pytest.mark.parametrize(
    ("visible", "order", "otherwise"),
    [(None, None, False), ("1", None, True), ("1", "PCI_BUS_ID", False), ("GPU-aa", None, False)],
)
def test_indices_are_not_trusted_among_different_gpus(
    visible: str | None, order: str | None, otherwise: bool
) -> None:
    mixed = [BUSY, Gpu(1, "GPU-ee", "T4")]
    assert is_counted_otherwise(mixed, visible, order) is otherwise
    assert not is_counted_otherwise([BUSY, FULL, FREE], visible, order)


def test_the_chosen_gpu_is_the_only_one_that_cuda_will_see(monkeypatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert choose_device("auto", list) == "cpu"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert choose_device("cuda:1", lambda: [BUSY]) == "cuda:1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert choose_device("auto", lambda: [BUSY, Gpu(1, "GPU-ee", "T4")]) == "cuda"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert choose_device("auto", lambda: [BUSY, FULL, FREE]) == "cuda"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == FULL.uuid


def test_parts_of_a_gpu_are_left_to_cuda(monkeypatch) -> None:
    """It shows a program one part only, by a name that is not the GPU's."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    parted = Gpu(0, "GPU-mm", "H200", None, 5, 100, divided=True)
    assert choose_device("auto", lambda: [parted]) == "cuda"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert least_loaded([parted, BUSY]) == BUSY
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-6c5a")
    assert choose_device("auto", lambda: [parted]) == "cuda"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "MIG-6c5a"


def test_without_gpus_there_is_none() -> None:
    assert least_loaded([]) is None


def test_figures_are_those_that_are_known() -> None:
    assert BUSY.figures() == {
        "utilisation": 0.9, "memory_used_bytes": 10.0, "memory_total_bytes": 100.0,
    }  # fmt: skip
    assert FREE.figures()["power_watts"] == 71.5


def test_telemetry_keeps_the_last_look_and_ends() -> None:
    looks = iter([[FREE], []])
    telemetry = Telemetry(lambda: next(looks))
    telemetry.start()
    telemetry.close()
    assert telemetry.gpus == [FREE]


async def test_telemetry_looks_on_where_a_gpu_was_once(monkeypatch) -> None:
    """A driver that is exchanged is away for a while."""
    monkeypatch.setattr(gpu, "EACH_SECONDS", 0.001)
    looks = iter([[FREE], [], [], *[[BUSY]] * 100_000])
    telemetry = Telemetry(lambda: next(looks))
    telemetry.start()
    assert await until(lambda: telemetry.gpus == [BUSY])
    telemetry.close()


class Nvml(SimpleNamespace):
    """A driver with one card that knows some things and refuses others."""

    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU = NVML_MEMORY_ERROR_TYPE_UNCORRECTED = NVML_VOLATILE_ECC = 0
    NVML_DEVICE_MIG_DISABLE, NVML_DEVICE_MIG_ENABLE = 0, 1

    def __init__(self, *, broken: bool = False, lost: int = -1, mig: int | None = None) -> None:
        def refuse(*_: object) -> None:
            raise self.NVMLError("of another version")

        def reach(index: int) -> int:
            return refuse() if index == lost else index

        super().__init__(
            nvmlInit=refuse if broken else lambda: None,
            nvmlShutdown=refuse,
            nvmlDeviceGetCount=lambda: 1 if lost < 0 else lost + 2,
            nvmlDeviceGetHandleByIndex=reach,
            nvmlDeviceGetMigMode=refuse if mig is None else lambda _: [mig, mig],
            nvmlDeviceGetUUID=lambda _: "GPU-dd",
            nvmlDeviceGetName=lambda _: "H200",
            nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=25),
            nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=1 << 30, total=1 << 37),
            nvmlDeviceGetPowerUsage=lambda _: 71_500,
            nvmlDeviceGetTemperature=lambda *_: 41,
            nvmlDeviceGetTotalEccErrors=refuse,
        )


def test_a_card_is_looked_at_through_its_driver() -> None:
    assert gpu.find(Nvml) == [Gpu(0, "GPU-dd", "H200", 0.25, 1 << 30, 1 << 37, 41, 71.5, None)]


def test_one_that_is_divided_says_so() -> None:
    assert [one.divided for mig in (0, 1) for one in gpu.find(lambda: Nvml(mig=mig))] == [  # noqa: B023
        False, True,
    ]  # fmt: skip


def test_one_that_is_lost_takes_no_other_along() -> None:
    assert [one.index for one in gpu.find(lambda: Nvml(lost=1))] == [0, 2]


def test_a_machine_without_a_driver_has_no_gpus() -> None:
    told: list[str] = []
    assert gpu.find(lambda: None) == []
    assert (
        gpu.find(lambda: Nvml(broken=True), lambda *words: told.append(words[0] % words[1:])) == []
    )
    assert told == ["the GPUs cannot be looked at: of another version"]


def test_every_question_is_one_that_the_library_knows() -> None:
    """NVML's own module: whatever is asked of the one here, is there."""
    library = pytest.importorskip("pynvml")
    assert [name for name in vars(Nvml()) | vars(Nvml) if name.startswith(("nvml", "NVML"))
            and not hasattr(library, name)] == []  # fmt: skip


def test_gpus_are_gauges() -> None:
    text = Exposition(Tally(), dict, lambda: [BUSY, FREE]).text().decode()
    assert 'firsttoken_gpu_utilisation{gpu="0",name="H200"} 0.9' in text
    assert 'firsttoken_gpu_power_watts{gpu="2",name="H200"} 71.5' in text
    assert "gpu_" not in Exposition(Tally(), dict).text().decode()
