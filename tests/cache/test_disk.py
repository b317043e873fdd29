from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.cache.cache import Cache
from proxy.cache.disk import Disk
from proxy.cache.entry import Entry
from proxy.cache.key import Key
from proxy.cache.policy import Settings
from proxy.cache.record import left_s, pack_entry, unpack_entry
from proxy.cache.records import MAGIC, frame, pack, read_records, unpack
from proxy.cache.shelf import Shelf, Wanted
from proxy.chat import Usage
from tests.cache import kills

UNIT = np.full(64, 0.125, np.float32)


def key(number: int) -> Key:
    exact = number.to_bytes(16, "big")
    return Key(b"p" * 16, exact, f"What is in drawer {number}?")


def opened(path: Path, now_s: float = 0.0, wall_s: float = 1e9) -> Cache:
    cache = Cache(Settings(ttl_s=1000), lambda: now_s)
    cache.attach(
        Disk(path, sync_s=0.0, alive=lambda data: left_s(data, wall_s) > 0), lambda: wall_s
    )
    while cache.tick():
        os.sched_yield()
    return cache


def forget(cache: Cache, **wanted: str) -> int:
    shelf = Shelf(cache, None, str)
    return asyncio.run(shelf.invalidate(Wanted(**wanted)))["invalidated"]


def entry(number: int = 0) -> Entry:
    return Entry(
        whole=b'{"number":%d}' % number,
        usage=Usage(prompt=3, completion=4),
        model="m",
        provider="p",
        category="code",
        language="en",
        tags=("a", "b"),
        cost_usd=0.25,
    )


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.put(key(1), UNIT, entry(1))
    first.put(key(2), None, Entry(stream=b'data: {"a":1}\n\n' * 20 + b"data: [DONE]\n\n"))
    first.put(key(3), None, entry(3))
    forget(first, pattern="*drawer 3*")
    first.close()
    second = opened(tmp_path, now_s=7.0, wall_s=1e9 + 100)
    found = second.find_exact(key(1))
    assert found is not None
    assert found.whole == b'{"number":1}'
    assert found.describe() | {"created_s": 0, "expires_s": 0} == {
        **found.describe(),
        "created_s": 0,
        "expires_s": 0,
    }
    assert (found.model, found.tags, found.usage) == ("m", ("a", "b"), Usage(3, 4))
    assert found.expires_s == pytest.approx(907.0)
    assert second.find_semantic(key(1), UNIT) is not None
    streamed = second.find_exact(key(2))
    assert streamed is not None
    assert streamed.stream == b'data: {"a":1}\n\n' * 20 + b"data: [DONE]\n\n"
    assert second.find_exact(key(3)) is None
    second.close()


def test_what_expired_meanwhile_stays_out(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.put(key(1), None, entry())
    first.close()
    later = opened(tmp_path, wall_s=1e9 + 1001)
    assert later.find_exact(key(1)) is None
    later.close()


def test_an_answer_given_since_the_start_wins(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.put(key(1), None, entry(1))
    first.close()
    second = Cache(Settings(), lambda: 0.0)
    second.attach(Disk(tmp_path, sync_s=0.0), lambda: 1e9)
    second.put(key(1), None, entry(99))
    while second.tick():
        os.sched_yield()
    found = second.find_exact(key(1))
    assert found is not None
    assert found.whole == b'{"number":99}'
    second.close()


def test_what_is_invalidated_while_loading_does_not_come_back(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for number in range(5):
        first.put(key(number), None, entry(number))
    first.close()
    second = Cache(Settings(), lambda: 0.0)
    second.attach(Disk(tmp_path, sync_s=0.0), lambda: 1e9)
    forget(second, pattern="*drawer 3*")
    while second.tick():
        os.sched_yield()
    assert second.stats()["entries"] == 4
    second.close()
    assert opened(tmp_path).find_exact(key(3)) is None


def log_of(path: Path, count: int) -> Path:
    cache = opened(path)
    for number in range(count):
        cache.put(key(number), None, entry(number))
    cache.close()
    return path / "cache.log"


def damage_last(data: bytes) -> bytes:
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


def damage_middle(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]


def replace_all(data: bytes) -> bytes:
    return b"SQLite format 3\x00" + data


@pytest.mark.parametrize(
    ("damage", "least"), [(damage_last, 9), (damage_middle, 3), (replace_all, 0)]
)
def test_a_damaged_file_is_set_aside_and_its_sound_part_kept(
    tmp_path: Path, damage: Callable[[bytes], bytes], least: int
) -> None:
    file = log_of(tmp_path, 10)
    file.write_bytes(damage(file.read_bytes()))
    cache = opened(tmp_path)
    entries = cache.stats()["entries"]
    assert least <= entries < 10
    assert len(list(tmp_path.glob("*.damaged-1"))) == 1
    cache.put(key(77), None, entry(77))
    cache.close()
    again = opened(tmp_path)
    assert again.stats()["entries"] == entries + 1
    again.close()
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


@pytest.mark.parametrize("cut", [1, 3, 200, 1500])
def test_half_a_record_at_the_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    file = log_of(tmp_path, 10)
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut])
    cache = opened(tmp_path)
    left = cache.stats()["entries"]
    assert 3 <= left < 10
    cache.put(key(77), None, entry(77))
    cache.close()
    again = opened(tmp_path)
    assert again.stats()["entries"] == left + 1
    again.close()
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_long_log_becomes_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.cache.disk.MERGE_BYTES", 2000)
    for round_ in range(6):
        cache = opened(tmp_path)
        for number in range(10):
            cache.put(key(number), None, entry(100 * round_ + number))
        cache.close()
    assert (tmp_path / "cache.snapshot").exists()
    last = opened(tmp_path)
    assert last.stats()["entries"] == 10
    found = last.find_exact(key(4))
    assert found is not None
    assert found.whole == b'{"number":504}'
    last.close()
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size < 12_000  # dropped and replaced records do not pile up


def test_two_processes_keep_apart_in_one_directory(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.put(key(1), None, entry(1))
    second.put(key(2), None, entry(2))
    first.close()
    second.close()
    again, other = opened(tmp_path), opened(tmp_path)
    assert again.find_exact(key(1)) is not None
    assert again.find_exact(key(2)) is None
    assert other.find_exact(key(2)) is not None
    again.close()
    other.close()
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_directory_that_cannot_be_written_costs_only_the_disk(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    cache = opened(blocked / "below")
    cache.put(key(1), None, entry())
    assert cache.find_exact(key(1)) is not None
    cache.close()


class Shaky(Disk):
    """A disk that can be made to fail."""

    broken = False

    def _next_batch(self):
        if self.broken:
            raise OSError(28, "No space left on device")
        return super()._next_batch()

    def _empty(self) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        super()._empty()


def shaky(path: Path) -> tuple[Cache, Shaky]:
    cache = Cache(Settings(ttl_s=1000), lambda: 0.0)
    disk = Shaky(path, sync_s=0.0, retry_s=0.01)
    cache.attach(disk, lambda: 1e9)
    return cache, disk


def until(is_true: Callable[[], object], cache: Cache) -> None:
    for _ in range(2000):
        cache.tick()
        if is_true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def test_a_disk_that_comes_back_has_what_is_kept_and_nothing_else(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")
    cache, disk = shaky(tmp_path)
    until(lambda: not disk.loading, cache)
    for number in range(5):
        cache.put(key(number), None, entry(number))
    cache.tick(100)
    disk.broken = True
    for number in range(5, 200):
        cache.put(key(number), UNIT if number % 2 else None, entry(number))
        cache.tick()
    until(lambda: disk.failed, cache)
    assert cache.stats()["disk_up"] == 0.0
    assert "No space" in cache.trouble
    cache.forget(key(3).exact)  # the file still has it
    cache.put(key(200), None, entry(200))
    disk.broken = False
    until(lambda: cache.stats()["disk_up"], cache)
    cache.put(key(201), None, entry(201))
    until(lambda: cache._owed is None and not disk._is_new, cache)
    assert cache.stats()["disk_failures_total"] == 1
    said = [one.getMessage() for one in caplog.records if one.name == "proxy.cache.disk"]
    assert said == [
        "cache is not kept on disk: [Errno 28] No space left on device",
        "cache is kept on disk again",
    ]
    cache.close()
    again = opened(tmp_path)
    found = [number for number in range(202) if again.find_exact(key(number)) is not None]
    assert found == [number for number in range(202) if number != 3]
    assert again.stats()["vectors"] == 98
    again.close()


@pytest.mark.parametrize("forgets", ["nothing", "one", "by category"])
def test_a_disk_that_comes_late_is_read_if_that_can_be_trusted(
    tmp_path: Path, forgets: str
) -> None:
    first = opened(tmp_path / "there")
    first.put(key(1), None, entry(1))
    first.close()
    (tmp_path / "there").rename(tmp_path / "away")
    (tmp_path / "there").write_bytes(b"no folder")
    cache, disk = shaky(tmp_path / "there")
    until(lambda: disk.failed, cache)
    cache.put(key(2), None, entry(2))
    if forgets == "one":
        cache.put(key(3), None, entry(3))
        cache.forget(key(3).exact)
    elif forgets == "by category":
        forget(cache, category="something")
    (tmp_path / "there").unlink()
    (tmp_path / "away").rename(tmp_path / "there")
    until(lambda: not disk.failed and not disk.loading, cache)
    until(lambda: cache._owed is None and not disk._is_new, cache)
    assert (cache.find_exact(key(1)) is not None) is (forgets == "nothing")
    cache.close()
    again = opened(tmp_path / "there")
    assert again.find_exact(key(2)) is not None
    assert (again.find_exact(key(1)) is not None) is (forgets == "nothing")
    again.close()


def test_a_full_disk_stays_failed_until_there_is_room(tmp_path: Path) -> None:
    cache, disk = shaky(tmp_path)
    disk.broken = True
    cache.put(key(1), None, entry(1))
    until(lambda: disk.failed, cache)
    assert not disk.has_room()
    time.sleep(0.05)
    assert disk.failures == 1, "one failure, however often it is tried"
    cache.close()  # at once, though it is waiting to try again


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_bytes_break_the_reading_of_an_entry(data: bytes) -> None:
    assert left_s(data, 0.0) >= 0.0
    with pytest.raises(ValueError, match="not an entry"):
        unpack_entry(data, now_s=0.0, wall_s=0.0)


@given(cut=st.integers(0, 400), flip=st.integers(0, 3000))
@settings(max_examples=200)
def test_records_are_whole_or_absent(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    payloads = [bytes([number]) * 50 for number in range(5)]
    data = bytearray(MAGIC)
    for number, payload in enumerate(payloads):
        data += frame(number.to_bytes(16, "big"), pack(payload))
    data[flip % len(data)] ^= 1
    path = tmp_path_factory.mktemp("records") / "log"
    path.write_bytes(bytes(data[: len(data) - cut % len(data)]))
    read = []
    try:
        for (_, packed), _ in read_records(path):
            assert packed is not None
            read.append(unpack(packed))
    except ValueError:
        pass
    assert read == payloads[: len(read)]


def test_an_entry_survives_its_bytes() -> None:
    before = entry(5)
    before.partition, before.exact, before.text, before.hits = b"p" * 16, b"e" * 16, "héé", 3
    before.expires_s = float("inf")
    data = pack_entry(before, None, now_s=0.0, wall_s=1e9)
    found, vector, after, left = unpack_entry(data, now_s=0.0, wall_s=1e9)
    assert (found.partition, found.exact, found.text) == (b"p" * 16, b"e" * 16, "héé")
    assert vector is None
    assert left is None
    assert after.hits == 3
    assert after.whole == before.whole


def test_what_came_amid_a_merge_is_the_last_word(tmp_path: Path) -> None:
    """The process was killed after its log went on in a second file, merged or not."""
    older = frame(key(1).exact, pack(b"old")) + frame(key(2).exact, pack(b"two"))
    newer = frame(key(1).exact, pack(b"new")) + frame(key(3).exact, pack(b"three"))
    (tmp_path / "cache.log").write_bytes(MAGIC + older)
    (tmp_path / "cache.log.next").write_bytes(MAGIC + newer + frame(key(2).exact, None))
    for _ in range(2):
        disk = Disk(tmp_path)
        disk.start()
        found: list[bytes] = []
        while disk.loading:
            found += disk.take(10)
        disk.close()
        assert sorted(found) == [b"new", b"three"]
        assert not (tmp_path / "cache.log.next").exists()


@pytest.mark.slow
def test_kills_while_writing_never_leave_a_corrupt_start(tmp_path: Path) -> None:
    """A thousand of them: python -m tests.cache.kills."""
    for round_, after_s in enumerate((0.0, 0.01, 0.03, 0.05, 1.2)):
        entries, lost = kills.kill(tmp_path, round_ * 100_000, after_s)
        assert lost == 0
    assert entries > 0
