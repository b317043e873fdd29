"""Nothing is lost when the proxy is changed under load, by hand: python -m tests.load.restarts

Fifty streams and two hundred short requests a second, half of them on kept connections, while the
configuration is reloaded five times, the service restarted five times, and replaced by a successor
five times, with one worker and with two. Told: how many were answered, and how many were lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.load.house import provider
from tests.loopback.load import Load
from tests.loopback.systemd import Systemd, lives

CONFIG = """
[server]
drain_seconds = 20
workers = {workers}
max_lag_ms = 0 # how busy this machine is is another matter
log = "off"
[cache]
enabled = false
[local]
enabled = false
[[provider]]
name = "p"
dialect = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
[[route]]
name = "chat-*"
targets = ["p/*"]
"""
TIMES = 5


@asynccontextmanager
async def service(workers: int, upstream: int):
    """The proxy, as systemd starts it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "firsttoken.toml"
        file.write_text(CONFIG.format(workers=workers, upstream=upstream))
        async with Systemd(file) as systemd:
            await systemd.start()
            yield systemd


async def reloads(one: Systemd) -> int:
    assert one.process is not None
    for _ in range(TIMES):
        await asyncio.sleep(1.0)
        one.process.send_signal(signal.SIGHUP)
    return one.process.pid


async def restarts(one: Systemd) -> int:
    for _ in range(TIMES):
        await asyncio.sleep(0.5)
        assert await one.stop() == 0
        await one.start()
    assert one.process is not None
    return one.process.pid


async def successors(one: Systemd) -> int:
    assert one.process is not None
    pid = one.process.pid
    for _ in range(TIMES):
        await asyncio.sleep(0.5)
        before = pid
        os.kill(before, signal.SIGUSR2)
        async with asyncio.timeout(60):
            while pid == before:
                note = await one.notes.get()
                if note.startswith("MAINPID="):
                    pid = int(note.removeprefix("MAINPID="))
            while lives(before):
                await asyncio.sleep(0.02)
    return pid


async def measure(workers: int, streams: int, per_second: float) -> int:
    """Requests that were lost, of all three kinds of change."""
    lost = 0
    with provider() as upstream:
        for change in (reloads, restarts, successors):
            async with service(workers, upstream.port) as one:
                async with Load(
                    one.port, streams=streams, per_second=per_second, kept=True
                ) as load:
                    await asyncio.sleep(0.5)
                    pid = await change(one)
                    await asyncio.sleep(0.5)
                os.kill(pid, signal.SIGTERM)
                while lives(pid):
                    await asyncio.sleep(0.05)
            wrong = load.wrong()
            lost += len(wrong)
            print(
                f"{change.__name__} x{TIMES}, workers {workers}: {len(load.replies)} answered,"
                f" {len(wrong)} lost or wrong {wrong[:2] or ''}",
                flush=True,
            )
    return lost


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.restarts", description=__doc__)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--per-second", type=float, default=200.0)
    asked = parser.parse_args()
    lost = sum(asyncio.run(measure(workers, asked.streams, asked.per_second)) for workers in (1, 2))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
