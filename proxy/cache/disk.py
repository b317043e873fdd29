"""The cache on disk: a snapshot and a log of what happened since, both of checksummed records.

Why not an embedded database: the only reads are at start, from first byte to last, and the only
writes are appends; a file of records does that with one write a second and no dependency.

Records are appended by one thread, synced once a second, so that a crash loses at most the last
second. A record is whole or it is not there: its length and CRC-32 come first, and reading stops
at the first one that does not fit; half a record at the end, left by a kill, is cut off. When the
log outgrows the snapshot the same thread merges the two into a new snapshot, renamed into place
when it is complete. A file that is not ours, or damaged before its end, is set aside under another
name, never deleted, and the start goes on.

Each process has two files of its own: it takes the first number whose lock is free, so that the
workers of one proxy share a directory, and each finds at its start what one of them kept.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

log = logging.getLogger(__name__)

MAGIC = b"firsttoken cache 1\n"
_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows
_PUT, _DROP = b"+", b"-"
_ID = 16  # bytes of an entry's exact fingerprint
MAX_RECORD = 64 << 20
MERGE_BYTES = 4 << 20  # a log smaller than this is not worth a new snapshot
_PROCESSES = 256  # that may keep their caches in one directory
_WAITING = 65_536  # records that may wait for a slow disk; what is dropped is always written
_BATCH = 64  # records in one write
_MERGED = 32  # records merged between two looks at what waits to be written
_BATCHES = 64  # writes before the next sync at the latest

Payload = Callable[[], bytes]  # called in the thread: making the bytes is work too
Record = tuple[bytes, bytes | None]  # exact fingerprint, packed payload, None where it was dropped


def pack(payload: bytes) -> bytes:
    """A payload as it stands in a record."""
    return zlib.compress(payload, 1)


def unpack(packed: bytes) -> bytes:
    """The payload of a record. Raises ValueError."""
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(f"unreadable record: {error}") from error


def frame(exact: bytes, packed: bytes | None) -> bytes:
    """One record as bytes."""
    body = _DROP + exact if packed is None else _PUT + exact + packed
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


class _Torn(ValueError):
    """The file ends amid a record: the process was killed while it wrote."""


def read_records(path: Path) -> Iterator[tuple[Record, int]]:
    """Every whole record and where it ends. Raises ValueError at the first that is damaged,
    and for a file that is not ours; a file that just ends is not an error."""
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if not magic:
            return
        if magic != MAGIC:
            raise ValueError("not a cache file")
        end = len(MAGIC)
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                raise _Torn(f"torn record at {end}")
            size, crc = _HEAD.unpack(head)
            if not _ID < size <= MAX_RECORD:
                raise ValueError(f"impossible record at {end}")
            body = file.read(size)
            if len(body) < size:
                raise _Torn(f"torn record at {end}")
            if zlib.crc32(body) != crc:
                raise ValueError(f"damaged record at {end}")
            end += _HEAD.size + size
            yield _open(body), end


def _open(body: bytes) -> Record:
    exact = body[1 : 1 + _ID]
    return exact, None if body[:1] == _DROP else body[1 + _ID :]


class Disk:
    """The two files in one directory, and the thread that writes them."""

    def __init__(
        self, directory: Path, *, sync_s: float = 0.25, alive: Callable[[bytes], bool] | None = None
    ) -> None:
        """sync_s: seconds a record may wait for the disk. alive: whether a payload is worth a
        place in the next snapshot (not expired)."""
        self.snapshot_path = directory / "cache.snapshot"
        self.log_path = directory / "cache.log"
        self._next_path = directory / "cache.log.next"  # what comes while the others are merged
        self._lock = -1  # held as long as the process lives
        self.failed = ""  # why nothing is written any more
        self.loaded = 0
        self._directory = directory
        self._sync_s = sync_s
        self._alive = alive or (lambda _: True)
        self._queue: SimpleQueue[tuple[bytes, Payload | None] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._ready: SimpleQueue[bytes] = SimpleQueue()
        self._done_loading = threading.Event()
        self._thread: threading.Thread | None = None

    # ---- called from the event loop --------------------------------------------------------

    def start(self) -> None:
        """Begin reading what is there, then writing what comes."""
        self._thread = threading.Thread(target=self._run, name="cache-disk", daemon=True)
        self._thread.start()

    def put(self, exact: bytes, payload: Payload) -> None:
        """Write an entry, within sync_s; where the disk is far behind, leave it out."""
        if not self.failed and self._queue.qsize() < _WAITING:
            self._queue.put((exact, payload))

    def drop(self, exact: bytes) -> None:
        """Write that an entry is gone."""
        if not self.failed:
            self._queue.put((exact, None))

    def take(self, most: int) -> list[bytes]:
        """Up to `most` payloads that were read at start."""
        found: list[bytes] = []
        while len(found) < most and not self._ready.empty():
            found.append(unpack(self._ready.get_nowait()))
        return found

    @property
    def loading(self) -> bool:
        """Whether take may still have something."""
        return not (self._done_loading.is_set() and self._ready.empty())

    def close(self) -> None:
        """Write what is queued and end the thread."""
        if self._thread is not None:
            self._closing.set()
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    # ---- the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._take_number()
            self._load()
            self._done_loading.set()
            self._write()
        except (OSError, ValueError) as error:
            self.failed = str(error)
            log.warning("cache is not kept on disk: %s", error)
        finally:
            self._done_loading.set()
            if self._lock >= 0:
                os.close(self._lock)

    def _take_number(self) -> None:
        """Lock the first pair of files that no other process writes."""
        for number in range(_PROCESSES):
            stem = f"cache-{number}" if number else "cache"
            lock = os.open(self._directory / f"{stem}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock = lock
            self.snapshot_path = self._directory / f"{stem}.snapshot"
            self.log_path = self._directory / f"{stem}.log"
            self._next_path = self._directory / f"{stem}.log.next"
            return
        raise OSError(f"{self._directory}: {_PROCESSES} processes keep their caches there already")

    def _load(self) -> None:
        found: dict[bytes, bytes] = {}
        for path in (self.snapshot_path, self.log_path, self._next_path):
            if path.exists():
                self._read(path, found)
        self._join_logs()
        for packed in found.values():
            self._ready.put(packed)
        self.loaded = len(found)

    def _read(self, path: Path, found: dict[bytes, bytes]) -> None:
        end = 0
        try:
            for (exact, packed), end in read_records(path):  # noqa: B007 - used below
                found.pop(exact, None)
                if packed is not None and self._alive(unpack(packed)):
                    found[exact] = packed
        except _Torn:
            if end:
                os.truncate(path, end)
            else:
                path.unlink()
        except ValueError as error:
            self._set_aside(path, end, str(error))

    def _set_aside(self, path: Path, end: int, why: str) -> None:
        """Keep the sound beginning; the file as it was stays beside it under another name."""
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        sound = path.read_bytes()[:end]
        path.rename(aside)
        if end:
            _replace(path, [sound])
        log.warning("cache file set aside: %s (%s), %d bytes kept", aside, why, end)

    def _write(self) -> None:
        file = self._open_log(self.log_path)
        try:
            while True:
                if self._should_merge(file):
                    os.close(file)
                    file = -1
                    self._merge()
                    file = self._open_log(self.log_path)
                over = False
                for _ in range(_BATCHES):
                    batch, over = self._next_batch()
                    _write_all(file, b"".join(batch))
                    if over or self._queue.empty():
                        break
                os.fsync(file)
                if over:
                    return
                self._closing.wait(self._sync_s)
        finally:
            if file >= 0:
                os.close(file)

    def _next_batch(self) -> tuple[list[bytes], bool]:
        """Records that wait, at least one unless the end was asked for; whether it was."""
        batch: list[bytes] = []
        while len(batch) < _BATCH:
            item = self._queue.get()
            if item is None:
                return batch, True
            exact, payload = item
            batch.append(frame(exact, None if payload is None else pack(payload())))
            if self._queue.empty():
                break
        return batch, False

    def _open_log(self, path: Path) -> int:
        new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if new or os.fstat(file).st_size == 0:
            _write_all(file, MAGIC)
        return file

    def _should_merge(self, file: int) -> bool:
        size = os.fstat(file).st_size
        if size < MERGE_BYTES:
            return False
        before = self.snapshot_path.stat().st_size if self.snapshot_path.exists() else 0
        return size > before

    def _merge(self) -> None:
        """Snapshot and log become one new snapshot; the last word on each entry counts."""
        last: dict[bytes, tuple[int, int]] = {}
        paths = [path for path in (self.snapshot_path, self.log_path) if path.exists()]
        for number, path in enumerate(paths):
            for place, (record, _) in enumerate(read_records(path)):
                last[record[0]] = (number, place)

        def kept() -> Iterator[bytes]:
            yield MAGIC
            for number, path in enumerate(paths):
                for place, ((exact, packed), _) in enumerate(read_records(path)):
                    if (
                        packed is not None
                        and last[exact] == (number, place)
                        and self._alive(unpack(packed))
                    ):
                        yield frame(exact, packed)

        self._join_logs()
        file = self._open_log(self._next_path)
        try:
            _replace(self.snapshot_path, self._between(kept(), file))
            os.fsync(file)
        finally:
            os.close(file)
        self._next_path.replace(self.log_path)

    def _between(self, frames: Iterator[bytes], file: int) -> Iterator[bytes]:
        """The same frames; what waits to be written goes to a log in between."""
        for number, one in enumerate(frames):
            if number % _MERGED == 0 and not self._queue.empty():
                batch, over = self._next_batch()
                _write_all(file, b"".join(batch))
                if over:
                    self._queue.put(None)  # not now
            yield one

    def _join_logs(self) -> None:
        """What was written while an earlier process merged belongs to the end of the log."""
        if not self._next_path.exists():
            return
        log_file = self._open_log(self.log_path)
        try:
            _write_all(log_file, self._next_path.read_bytes()[len(MAGIC) :])
            os.fsync(log_file)
        finally:
            os.close(log_file)
        self._next_path.unlink()


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _replace(path: Path, parts: Iterator[bytes] | list[bytes]) -> None:
    """Write a whole file beside the old one, sync it, and rename it into place."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
