"""What the operator hears of, and what not."""

from __future__ import annotations

import time
from dataclasses import replace

from embeddings.gpu import Gpu, Telemetry
from proxy import config
from proxy.cache.disk import Disk
from proxy.errors import Kind
from proxy.parts import Memory, remember
from proxy.state.alerts import Alert
from proxy.watch import Watch

GPU = Gpu(0, "u", "H200", temperature_celsius=60.0, ecc_errors=0)


class Desk:
    """A watch over a real memory, and what it told."""

    def __init__(self) -> None:
        self.now = 0.0
        settings = config.parse("[local]\nenabled = false\n[ledger]\nenabled = false\n", "t", {})
        self.memory: Memory = remember(settings, lambda: self.now, lambda: 1e9 + self.now)
        self.memory.telemetry = Telemetry(list)
        self.told: list[Alert] = []
        self.memory.alerts.tell = self.told.append  # type: ignore[method-assign]
        self.watch = Watch(self.memory, lambda: self.now, lambda: 1e9 + self.now)

    def look(self) -> list[str]:
        self.now += 1
        self.watch.look()
        told = [one.kind for one in self.told]
        self.told.clear()
        return told


def test_a_breaker_that_failures_opened_is_told_once() -> None:
    desk = Desk()
    for _ in range(3):
        desk.memory.breakers.enter("p/m", desk.now)
        desk.memory.breakers.failed("p/m", Kind.SERVER, desk.now)
    assert desk.look() == ["breaker_open"]
    assert desk.look() == []


def test_a_breaker_that_somebody_opened_is_not_told() -> None:
    desk = Desk()
    desk.memory.breakers.open("p/m", desk.now)
    assert desk.look() == []


def test_gpu_trouble_is_told_when_it_begins() -> None:
    desk = Desk()
    for gpus, told in (
        ((GPU,), []),
        ((replace(GPU, temperature_celsius=91.0),), ["gpu_trouble"]),
        ((replace(GPU, temperature_celsius=92.0),), []),
        ((replace(GPU, ecc_errors=2),), ["gpu_trouble"]),
        ((replace(GPU, ecc_errors=2, utilisation=0.5),), []),
        ((), ["gpu_trouble"]),
        ((), []),
    ):
        desk.memory.telemetry.gpus = gpus
        assert desk.look() == told


def test_a_cache_that_closes_and_a_share_that_is_lost_are_told() -> None:
    desk = Desk()
    stats = {"open_bands": 2.0, "wrong_hits": 0.0, "shared_connected": 0.0}
    desk.memory.cache.stats = lambda: stats  # type: ignore[method-assign]
    assert desk.look() == []  # it was never seen to be connected: it may be starting
    stats["shared_connected"] = 1.0
    assert desk.look() == []
    stats |= {"open_bands": 1.0, "shared_connected": 0.0}
    assert desk.look() == ["cache_closed", "shared_down"]
    assert desk.look() == []


def test_a_cache_that_is_not_kept_on_disk_is_told_once(tmp_path) -> None:
    desk = Desk()
    (tmp_path / "file").write_bytes(b"")
    disk = Disk(tmp_path / "file", retry_s=0.01)
    desk.memory.cache.attach(disk, lambda: 1e9)
    for _ in range(1000):
        if disk.failed:
            break
        time.sleep(0.005)
    assert desk.look() == ["cache_disk_down"]
    assert desk.look() == []
    (tmp_path / "file").unlink()
    for _ in range(1000):
        if not disk.failed:
            break
        time.sleep(0.005)
    assert desk.look() == []
    desk.memory.cache.close()
