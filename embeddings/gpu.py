"""NVIDIA GPUs by NVML: which are there, how they do, and which one is the least loaded.

No CUDA context and no torch: any process may look. Without a driver there is simply none.
"""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

EACH_SECONDS = 2.0
_DRIVER = "libnvidia-ml.so.1"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at one moment. None: this one does not say. Shares are 0 to 1, power in watts."""

    index: int
    uuid: str
    name: str
    utilisation: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    ecc_errors: int | None = None  # uncorrected, since the driver was loaded
    divided: bool = False  # into MIG devices, which programs see instead of it

    def figures(self) -> dict[str, float]:
        """What can be measured of it, by name."""
        known = asdict(self)
        return {
            name: float(value)
            for name, value in known.items()
            if name not in ("index", "uuid", "name", "divided") and value is not None
        }


def load() -> Any:
    """The module pynvml, or None without a driver: then its 1.4 MB are spared."""
    try:
        ctypes.CDLL(_DRIVER)
        return importlib.import_module("pynvml")
    except (OSError, ImportError):
        return None


def find(
    library: Callable[[], Any] = load, tell: Callable[..., object] = lambda *_: None
) -> list[Gpu]:
    """Every GPU with its figures, but for those that are lost; empty where there is no driver, or
    one that cannot be used: tell hears of that. Takes milliseconds."""
    nvml = library()
    if nvml is None:
        return []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        tell("the GPUs cannot be looked at: %s", error)
        return []
    try:
        found: list[Gpu] = []
        with suppress(nvml.NVMLError):
            for index in range(nvml.nvmlDeviceGetCount()):
                with suppress(nvml.NVMLError):
                    found.append(_look(nvml, index))
        return found
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def least_loaded(gpus: Sequence[Gpu], visible: str | None = None) -> Gpu | None:
    """The one with the most to spare: not divided, least busy, then most free memory.

    visible: CUDA_VISIBLE_DEVICES, indices or UUIDs; GPUs that it leaves out are not ours, and none
    after a name that is no GPU's, as CUDA has it.
    """
    allowed = list(gpus)
    if visible is not None:
        allowed = []
        for name in (name.strip() for name in visible.split(",")):
            named = [one for one in gpus if name == str(one.index) or _is_called(one, name)]
            if len(named) != 1:
                break
            allowed += named
    return min(allowed, key=_load, default=None)


def is_counted_otherwise(gpus: Sequence[Gpu], visible: str | None, order: str | None) -> bool:
    """Whether names in CUDA_VISIBLE_DEVICES may mean other GPUs than NVML's. MIG devices do; and
    indices: CUDA numbers the fastest first, NVML by bus, unless CUDA_DEVICE_ORDER (order) says
    PCI_BUS_ID."""
    names = [name.strip() for name in (visible or "").split(",")]
    if any(name.startswith("MIG-") for name in names):
        return True
    counted = any(name.isdigit() for name in names)
    return counted and order != "PCI_BUS_ID" and len({one.name for one in gpus}) > 1


def _is_called(gpu: Gpu, name: str) -> bool:
    """By its UUID, or the beginning of it."""
    return name.startswith("GPU-") and gpu.uuid.startswith(name)


def _load(gpu: Gpu) -> tuple[bool, float, int]:
    free = (gpu.memory_total_bytes or 0) - (gpu.memory_used_bytes or 0)
    return gpu.divided, round(gpu.utilisation or 0.0, 1), -free


def _look(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def ask(question: Callable[..., Any], *more: Any) -> Any:
        try:
            return question(handle, *more)
        except nvml.NVMLError:
            return None  # not every card measures everything

    rates = ask(nvml.nvmlDeviceGetUtilizationRates)
    memory = ask(nvml.nvmlDeviceGetMemoryInfo)
    milliwatts = ask(nvml.nvmlDeviceGetPowerUsage)
    celsius = ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
    divided, _ = ask(nvml.nvmlDeviceGetMigMode) or (nvml.NVML_DEVICE_MIG_DISABLE, None)
    return Gpu(
        index=index,
        uuid=str(ask(nvml.nvmlDeviceGetUUID) or index),
        name=str(ask(nvml.nvmlDeviceGetName) or "unknown"),
        utilisation=None if rates is None else rates.gpu / 100.0,
        memory_used_bytes=None if memory is None else int(memory.used),
        memory_total_bytes=None if memory is None else int(memory.total),
        temperature_celsius=celsius,
        power_watts=None if milliwatts is None else milliwatts / 1000.0,
        ecc_errors=ask(
            nvml.nvmlDeviceGetTotalEccErrors,
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        ),
        divided=divided == nvml.NVML_DEVICE_MIG_ENABLE,
    )


class Telemetry:
    """Looks every two seconds on a thread of its own; whoever asks gets the last look."""

    def __init__(self, look: Callable[[], list[Gpu]] = find) -> None:
        self._look = look
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.gpus: Sequence[Gpu] = ()

    def start(self) -> None:
        """Begin to look; where there is no GPU at first, that is the only look."""
        self._thread = threading.Thread(target=self._run, name="nvml", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _run(self) -> None:
        self.gpus = self._look()
        if not self.gpus:
            return
        while not self._over.wait(EACH_SECONDS):
            self.gpus = self._look()
