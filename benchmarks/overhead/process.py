"""What processes use, read from /proc (Linux): CPU to the nanosecond, memory by share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and all its descendants, as far as they live."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if one not in found and (PROC / str(one)).exists():
            found.append(one)
            waiting.extend(children.get(one, []))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time so far. The scheduler's nanoseconds of the living threads, or the
    kernel's ticks where threads have ended and took theirs along."""
    total = 0.0
    for pid in pids:
        fields = _stat(pid)
        if not fields:
            continue
        ticks = (int(fields[11]) + int(fields[12])) / _TICKS
        exact = 0.0
        try:
            for thread in (PROC / str(pid) / "task").iterdir():
                exact += int((thread / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            exact = 0.0
        total += exact if abs(exact - ticks) < 0.05 else ticks
    return total


def memory_bytes(pids: Iterable[int], *, private: bool = False) -> int:
    """Proportional set size: pages that processes share are counted once. private: only what
    the processes have written and nobody shares, which is what a stream costs; pages of files
    come and go as the kernel likes."""
    kinds = ("Private_Dirty:",) if private else ("Pss:",)
    total = 0
    for pid in pids:
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kinds))
    return total


def core_seconds(cpu: int) -> float:
    """How long a core has been busy, with whatever."""
    for line in (PROC / "stat").read_text().splitlines():
        name, *numbers = line.split()
        if name == f"cpu{cpu}":
            user, nice, system, _, _, irq, soft, steal = (int(one) for one in numbers[:8])
            return (user + nice + system + irq + soft + steal) / _TICKS
    return 0.0


def hurry(pid: int) -> None:
    """Gives a new session's processes the priority of this one. Linux shares its cores among
    sessions first (sched(7), autogroup), so that nice alone says nothing beyond one's own."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        (PROC / str(pid) / "autogroup").write_text(str(nice))


@contextlib.contextmanager
def foremost(nice: int) -> Iterator[None]:
    """This process and what it starts at a priority, where that is allowed; then as before."""
    group = PROC / "self" / "autogroup"
    cores, before = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    try:
        shared = group.read_text().rpartition(" ")[2].strip()  # empty where nothing is shared so
    except OSError:
        shared = ""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    hurry(os.getpid())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)
            os.setpriority(os.PRIO_PROCESS, 0, before)
            group.write_text(shared)


def machine() -> dict[str, str | int]:
    """The machine in words, for whoever reads the figures later."""
    model = "unknown"
    for line in (PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    uname = os.uname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 30)
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "memory_gib": memory,
        "kernel": f"{uname.sysname} {uname.release} {uname.machine}",
    }


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name: state first, then the parent."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
