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

A disk that fails (full, read-only, gone) is tried again every few seconds. What was read from it is
not what is kept any more then: its files are made anew, from all that the process has in memory.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

from proxy.cache.records import MAGIC, Torn, frame, pack, read_records, replace, unpack, write_all

log = logging.getLogger(__name__)

MERGE_BYTES = 4 << 20  # a log smaller than this is not worth a new snapshot
_PROCESSES = 256  # that may keep their caches in one directory
_WAITING = 65_536  # records that may wait for a slow disk; what is dropped is always written
_BATCH = 64  # records in one write
_MERGED = 32  # records merged between two looks at what waits to be written
_BATCHES = 64  # writes before the next sync at the latest
_RETRY_S = 5.0  # between two tries of a disk that failed,
_ROOM_BYTES = 64 * 1024  # which must have room for so much

Payload = Callable[[], bytes]  # called in the thread: making the bytes is work too


class Disk:
    """The two files in one directory, and the thread that writes them."""

    def __init__(
        self,
        directory: Path,
        *,
        sync_s: float = 0.25,
        retry_s: float = _RETRY_S,
        alive: Callable[[bytes], bool] | None = None,
    ) -> None:
        """sync_s: seconds a record may wait for the disk. retry_s: between two tries of one that
        failed. alive: whether a payload is worth a place in the next snapshot (not expired)."""
        self.snapshot_path = directory / "cache.snapshot"
        self.log_path = directory / "cache.log"
        self._next_path = directory / "cache.log.next"  # what comes while the others are merged
        self._lock = -1  # held as long as the process lives
        self.failed = ""  # why nothing is written now
        self.failures = 0
        self.loaded = 0
        self._unread = True  # what an earlier process left there may still be wanted
        self._is_new = False  # it lacks what came while it failed, and nobody has heard of that
        self._retry_s = retry_s
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
        if self.failed:
            self._unread = False
        else:
            self._queue.put((exact, None))

    def distrust(self) -> None:
        """Some of what it holds is not wanted any more: where it fails, nobody can say what."""
        if self.failed:
            self._unread = False

    def take(self, most: int) -> list[bytes]:
        """Up to `most` payloads that were read at start."""
        found: list[bytes] = []
        while len(found) < most and not self._ready.empty():
            found.append(unpack(self._ready.get_nowait()))
        return found

    def has_room(self) -> bool:
        """Whether more records may wait without any being left out."""
        return not self.failed and self._queue.qsize() < _WAITING // 2

    def was_made_anew(self) -> bool:
        """Whether it came back after it had failed, since somebody asked last: all is to be put
        again."""
        is_new, self._is_new = self._is_new, False
        return is_new

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
            while not self._keep() and not self._closing.wait(self._retry_s):
                continue
        finally:
            self._done_loading.set()
            if self._lock >= 0:
                os.close(self._lock)

    def _keep(self) -> bool:
        """Read, and write what comes, until the end was asked for; False where the disk fails."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            if self._lock < 0:
                self._take_number()
            if self._unread:
                self._done_loading.clear()
                self._load()
                self._unread = False
                self._done_loading.set()
            else:
                self._empty()
            if self.failed:
                self.failed = ""
                self._is_new = True
                log.info("cache is kept on disk again")
            self._write()
        except (OSError, ValueError) as error:
            self._fail(str(error))
            return False
        return True

    def _fail(self, why: str) -> None:
        if not self.failed:
            log.warning("cache is not kept on disk: %s", why)
            self.failures += 1
        self.failed = why
        self._done_loading.set()
        while not self._queue.empty():
            self._queue.get()  # an end that was asked for is heard of by the other way too

    def _empty(self) -> None:
        """Where it can be written, forget what it holds: some of that was dropped meanwhile."""
        draft = self._next_path.with_name(self._next_path.name + ".draft")
        with draft.open("wb") as file:
            file.write(bytes(_ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
        for path in (draft, self.snapshot_path, self.log_path, self._next_path):
            path.unlink(missing_ok=True)

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
        except Torn:
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
            replace(path, [sound])
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
                    write_all(file, b"".join(batch))
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
            write_all(file, MAGIC)
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
            replace(self.snapshot_path, self._between(kept(), file))
            os.fsync(file)
        finally:
            os.close(file)
        self._next_path.replace(self.log_path)

    def _between(self, frames: Iterator[bytes], file: int) -> Iterator[bytes]:
        """The same frames; what waits to be written goes to a log in between."""
        for number, one in enumerate(frames):
            if number % _MERGED == 0 and not self._queue.empty():
                batch, over = self._next_batch()
                write_all(file, b"".join(batch))
                if over:
                    self._queue.put(None)  # not now
            yield one

    def _join_logs(self) -> None:
        """What was written while an earlier process merged belongs to the end of the log."""
        if not self._next_path.exists():
            return
        log_file = self._open_log(self.log_path)
        try:
            write_all(log_file, self._next_path.read_bytes()[len(MAGIC) :])
            os.fsync(log_file)
        finally:
            os.close(log_file)
        self._next_path.unlink()
