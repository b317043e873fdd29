"""Where kept answers go besides this process's memory: its disk, and the other nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from proxy.cache.record import pack_entry, unpack_entry

if TYPE_CHECKING:
    from embeddings.index import Vector
    from proxy.cache.disk import Disk
    from proxy.cache.entry import Entry
    from proxy.cache.key import Key
    from proxy.cache.share import Share

Kept = tuple["Key", "Vector | None", "Entry", "float | None"]  # with the seconds it has left


class Archive:
    """Both of them, or neither: then nothing is written and nothing comes."""

    __slots__ = ("_clock", "_disk", "_model", "_share", "_unwanted", "_wall", "records")

    def __init__(self, clock: Callable[[], float], model: str) -> None:
        """clock: the cache's, monotonic seconds. model: names the encoder of this process."""
        self._clock = clock
        self._wall = clock
        self._model = model
        self._disk: Disk | None = None
        self._share: Share | None = None
        self._unwanted: list[Callable[[Entry], bool]] = []  # invalidated before it was read
        self.records = False  # whether entries go anywhere but into memory

    def attach(self, disk: Disk, wall: Callable[[], float]) -> None:
        """Keep entries on this disk from now on. wall: Unix time in seconds."""
        self._disk, self._wall = disk, wall
        self.records = True
        disk.start()

    def share(self, share: Share, wall: Callable[[], float]) -> None:
        """Tell other nodes of what is kept and forgotten from now on."""
        self._share, self._wall = share, wall
        self.records = True

    def write(self, entry: Entry, vector: Vector | None) -> None:
        """An entry is kept, or what is known of it has changed."""
        payload = self._payload(entry, vector)
        if self._disk is not None:
            self._disk.put(entry.exact, payload)
        if self._share is not None:
            self._share.put(entry.exact, payload, entry.expires_s - self._clock())

    def _payload(self, entry: Entry, vector: Vector | None) -> Callable[[], bytes]:
        now_s, wall_s, model = self._clock(), self._wall(), self._model
        return lambda: pack_entry(entry, vector, now_s=now_s, wall_s=wall_s, model=model)

    def rewrite(self, entry: Entry, vector: Vector | None) -> None:
        """The disk was made anew: an entry that is kept, for it alone."""
        if self._disk is not None:
            self._disk.put(entry.exact, self._payload(entry, vector))

    def left(self, exact: bytes) -> None:
        """An entry is here no longer, for whatever reason."""
        if self._disk is not None:
            self._disk.drop(exact)

    def withdraw(self, exact: bytes) -> None:
        """An entry is not wanted, anywhere."""
        if self._share is not None:
            self._share.drop(exact)

    # ---- taking in -----------------------------------------------------------------------------

    def refuse(self, unwanted: Callable[[Entry], bool]) -> None:
        """Do not take in such entries from the disk, if it is still to be read."""
        if self._disk is None:
            return
        if self._disk.loading:
            self._unwanted.append(unwanted)
        else:
            self._disk.distrust()

    def refuses(self, entry: Entry) -> bool:
        """Whether it was invalidated before it was read."""
        return any(unwanted(entry) for unwanted in self._unwanted)

    @property
    def loading(self) -> bool:
        """Whether the disk is still being read."""
        if self._disk is not None and self._disk.loading:
            return True
        self._unwanted.clear()
        return False

    def take(self, most: int) -> Iterator[bytes]:
        """Up to so many payloads that the disk has read."""
        return iter(()) if self._disk is None else iter(self._disk.take(most))

    def open(self, payload: bytes) -> Kept | None:
        """A payload as an entry with its key; None for one that cannot be read, or is over."""
        try:
            kept = unpack_entry(
                payload, now_s=self._clock(), wall_s=self._wall(), model=self._model
            )
        except ValueError:
            return None
        left_s = kept[3]
        return None if left_s is not None and left_s <= 0 else kept

    # ---- its end -------------------------------------------------------------------------------

    def was_made_anew(self) -> bool:
        """Whether the disk has come back: all that is kept is to be written again."""
        return self._disk is not None and self._disk.was_made_anew()

    def has_room(self) -> bool:
        """Whether the disk can be given more just now."""
        return self._disk is not None and self._disk.has_room()

    def close(self) -> None:
        """Have the disk write what it was given."""
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def figures(self) -> Mapping[str, float]:
        """For metrics: what other nodes are told and say, and how the disk does."""
        found = {} if self._share is None else dict(self._share.figures())
        if self._disk is not None:
            found["disk_up"] = float(not self._disk.failed)
            found["disk_failures_total"] = float(self._disk.failures)
        return found

    @property
    def trouble(self) -> str:
        """Why nothing is kept on disk now."""
        return "" if self._disk is None else self._disk.failed
