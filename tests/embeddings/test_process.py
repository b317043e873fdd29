"""The embedder as a process: it answers, batches, dies, hangs, comes back; nobody waits for it."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import uvloop

from embeddings.batcher import HOPELESS_RUNS, WAITING_TEXTS, Batcher, Overloaded
from embeddings.client import Client
from embeddings.process import AlreadyRunning, bind
from embeddings.wire import TEXT_CHARS
from tests.embeddings.tiny import DIM, Tiny
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
BUDGET_S = 0.25


@contextmanager
def embedder(path: str, *more: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.embeddings.tiny", path, *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        process.wait(20)
        process.stdout.close()


@asynccontextmanager
async def client(path: str, budget_s: float = BUDGET_S):
    one = Client(path, budget_s)
    running = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0)


def limit_memory(pid: int, more_bytes: int) -> None:
    """From now on a process gets no more address space than it has, and so much."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (most, most))


def there(path: str) -> bool:
    return os.path.exists(path)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "e.sock")


async def test_vectors_come_in_order_and_alike_for_all(path: str) -> None:
    with embedder(path):
        async with client(path, 5.0) as a, client(path, 5.0) as b:
            assert await until(lambda: a.up and b.up)
            answers = await asyncio.gather(
                *(one.encode((f"text {n}", f"other {n}")) for n in range(50) for one in (a, b))
            )
            assert all(one is not None for one in answers), (await a.state(), await b.state())
            for n in range(50):
                want = Tiny().encode((f"text {n}", f"other {n}"))
                assert np.allclose(answers[2 * n], want)
                assert np.allclose(answers[2 * n + 1], want)
            state = await a.state()
            assert state is not None
            assert (state["model"], state["dim"], state["clients"]) == ("tiny", DIM, 2)
            assert state["runs"] < 60, "questions share runs, across clients"


async def test_the_nearest_of_what_is_kept_are_found_by_space(path: str) -> None:
    with embedder(path):
        async with client(path, 5.0) as one:
            assert await until(lambda: one.up)
            big = 2**64 - 7
            one.keep(big, {1: "a red car", 2: "a cat", 2**63 + 3: "the tide"})
            one.keep(5, {9: "a cat"})
            found = await one.nearest("a cat", (big, 5, 6), 2)
            assert found is not None
            assert [len(some) for some in found] == [2, 1, 0]
            assert found[0][0] == (2, pytest.approx(1.0, abs=1e-5))
            assert found[1][0] == (9, pytest.approx(1.0, abs=1e-5))
            one.keep(big, {2: "the tide"})
            found = await one.nearest("the tide", (big,), 3)
            assert found is not None
            assert {label for label, near in found[0] if near > 0.99} == {2, 2**63 + 3}
            state = await one.state()
            assert state is not None
            assert state["kept"] == 4


async def test_one_whose_model_only_fails_ends(path: str) -> None:
    """A GPU that is lost stays lost for its process; a new one may find another."""
    with embedder(path) as process:
        async with client(path, 5.0) as one:
            assert await until(lambda: one.up)
            for _ in range(HOPELESS_RUNS):
                one._failed = 0
                assert await one.encode(("broken",)) is None
            assert await until(lambda: process.poll() is not None)
            assert process.returncode == 1


async def test_one_whose_device_hangs_ends_for_another_to_begin(path: str) -> None:
    with embedder(path, "0.1") as process:
        async with client(path, 5.0) as one:
            assert await until(lambda: one.up)
            assert await one.encode(("slow",)) is None
        assert await asyncio.to_thread(process.wait, 5) == 1
        assert not there(path)


async def test_out_of_memory_it_fails_that_question_and_answers_the_next(path: str) -> None:
    with embedder(path) as process:
        limit_memory(process.pid, 256 << 20)
        async with client(path, 5.0) as one:
            await until(lambda: one.up)
            before = one.answered
            assert await one.encode(("huge",)) is None
            found = await one.encode(("a cat",))
            assert found is not None
            assert np.allclose(found, Tiny().encode(("a cat",)))
            assert one.answered == before + 1
            state = await one.state()
            assert state is not None
            assert state["failed"] == 1
        assert process.poll() is None


async def test_a_killed_one_costs_nothing_and_a_new_one_is_found(path: str) -> None:
    async with client(path) as one:
        with embedder(path) as process:
            assert await until(lambda: one.up)
            asked = [asyncio.ensure_future(one.encode(("slow",))) for _ in range(5)]
            await asyncio.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            began = time.monotonic()
            assert await asyncio.gather(*asked) == [None] * 5
            assert time.monotonic() - began < BUDGET_S + 0.1
        assert await until(lambda: not one.up)
        began = time.monotonic()
        assert await one.encode(("x",)) is None
        assert time.monotonic() - began < 0.02, "who is away is not waited for"
        assert there(path), "a dead one leaves its socket"
        with embedder(path):
            assert await until(lambda: one.up)
            assert await one.encode(("x",)) is not None


async def test_one_that_is_too_slow_to_be_waited_for_is_alive_all_the_same(path: str) -> None:
    with embedder(path) as process:
        async with client(path, 1e-9) as one:
            assert await until(lambda: one.alive)
            assert not one.up
            heard: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            one.ask(("a cat",), heard.set_result, 5.0)
            assert await heard is not None, "who does not wait is answered"
            os.kill(process.pid, signal.SIGSTOP)
            assert await until(lambda: not one.alive)
            os.kill(process.pid, signal.SIGCONT)
            assert await until(lambda: one.alive)
            process.kill()
            assert await until(lambda: not one.alive)


@pytest.mark.parametrize("turns", range(6))
async def test_it_ends_also_at_the_moment_that_the_embedder_does(path: str, turns: int) -> None:
    with embedder(path):
        one = Client(path, BUDGET_S)
        running = asyncio.create_task(one.run())
        assert await until(lambda: one.up)
        assert one._transport is not None
        one._transport.abort()
        for _ in range(turns):  # from the loss on, through all that wakes by it
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait((running,), timeout=2)
        assert done
        running.cancel()


def test_it_answers_on_the_loop_that_serves(path: str) -> None:
    """uvloop's transports are no asyncio.Transport by their class."""

    async def ask() -> None:
        async with client(path) as one:
            assert await until(lambda: one.up)
            assert await one.encode(("x",)) is not None

    with embedder(path):
        uvloop.run(ask())


async def test_it_moves_to_another_socket_and_to_none(path: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.sock")
    with embedder(path) as old, embedder(other) as new:
        async with client(path) as one:
            assert await until(lambda: one.up)
            asked = asyncio.ensure_future(one.encode(("slow",)))
            await asyncio.sleep(0.02)
            one.configure(other, BUDGET_S)
            assert await asked is None, "the old one is not waited for"
            assert await until(lambda: one.up)
            state = await one.state()
            assert state is not None
            assert state["pid"] == new.pid != old.pid
            one.configure(None, BUDGET_S)
            assert await until(lambda: not one.up)
            assert await one.encode(("x",)) is None
            one.configure(path, BUDGET_S)
            assert await until(lambda: one.up)
            assert await one.encode(("x",)) is not None


async def test_one_that_is_not_there_yet_is_not_waited_for_after_a_move(path: str) -> None:
    async with client(f"{path}.none") as one:
        await asyncio.sleep(0.05)
        with embedder(path):
            one.configure(path, BUDGET_S)
            assert await until(lambda: one.up)


async def test_a_hung_one_is_waited_for_three_times_and_then_no_more(path: str) -> None:
    with embedder(path) as process:
        async with client(path) as one:
            assert await until(lambda: one.up)
            os.kill(process.pid, signal.SIGSTOP)
            for _ in range(3):
                began = time.monotonic()
                assert await one.encode(("x",)) is None
                assert time.monotonic() - began < BUDGET_S + 0.1
            began = time.monotonic()
            for _ in range(100):
                assert await one.encode(("x",)) is None
            assert time.monotonic() - began < 0.1
            os.kill(process.pid, signal.SIGCONT)
            assert await until(lambda: one.up)
            assert await one.encode(("x",)) is not None
            state = await one.state()
            assert state is not None
            assert state["stale"] >= 3, "what nobody waits for is not run"


async def test_a_hung_one_is_seen_though_nobody_asks_it(path: str, caplog) -> None:
    caplog.set_level("INFO", "embeddings.client")
    with embedder(path) as process:
        async with client(path) as one:
            assert await until(lambda: one.up)
            os.kill(process.pid, signal.SIGSTOP)
            assert await until(lambda: not one.up)
            os.kill(process.pid, signal.SIGCONT)
            assert await until(lambda: one.up)
    said = [one.getMessage() for one in caplog.records]
    assert said.count(f"the embedder at {path} answers") == 2


async def test_sigterm_answers_what_was_asked_and_takes_the_socket_along(path: str) -> None:
    with embedder(path) as process:
        async with client(path, budget_s=2.0) as one:
            assert await until(lambda: one.up)
            asked = asyncio.ensure_future(one.encode(("slow",)))
            await asyncio.sleep(0.05)
            process.terminate()
            assert await asked is not None
            assert await asyncio.to_thread(process.wait, 5) == 0
            assert not there(path)


async def test_a_model_that_fails_is_told_from_one_that_works(path: str) -> None:
    with embedder(path):
        async with client(path) as one:
            assert await until(lambda: one.up)
            assert await one.encode(("broken",)) is None
            assert await one.encode(("whole",)) is not None


async def test_long_texts_are_cut_before_they_fill_a_frame(path: str) -> None:
    """Of which no more than eight megabytes are taken, and the connection of all would end."""
    with embedder(path):
        async with client(path, 5.0) as one:
            assert await until(lambda: one.up)
            long = "é🙂" * 3_000_000
            found = await one.encode((long, "x", "é🙂" * (TEXT_CHARS // 2)))
            assert found is not None
            assert np.allclose(found[0], found[2])
            assert one.connected


async def test_many_texts_are_run_in_turn_with_others() -> None:
    runs: list[list[str]] = []

    def encode(texts):
        runs.append(list(texts))
        return np.array([[float(text)] for text in texts], np.float32)

    answers: list[list[float]] = []
    with ThreadPoolExecutor(1) as worker:
        batcher = Batcher(encode, worker, time.monotonic_ns, batch_texts=4)
        many = [str(n) for n in range(11)]
        batcher.ask(many, 1 << 62, lambda found: answers.append(found.ravel().tolist()))
        batcher.ask(["50"], 1 << 62, lambda found: answers.append(found.ravel().tolist()))
        batcher.ask(["60", "61"], 1 << 62, lambda found: answers.append(found.ravel().tolist()))
        await batcher.drain()
    assert answers == [[50.0], [60.0, 61.0], [float(n) for n in range(11)]]
    assert [len(run) for run in runs] == [4, 4, 4, 2]
    assert batcher._texts == 0


@pytest.mark.parametrize("broken", ["0", "5", "10"])
async def test_of_many_texts_one_that_fails_fails_all(broken: str) -> None:
    def encode(texts):
        if broken in texts:
            raise RuntimeError("broken")
        return np.zeros((len(texts), 1), np.float32)

    answers: list[object] = []
    with ThreadPoolExecutor(1) as worker:
        batcher = Batcher(encode, worker, time.monotonic_ns, batch_texts=4)
        batcher.ask([str(n) for n in range(11)], 1 << 62, answers.append)
        await batcher.drain()
        assert (answers, batcher._texts, batcher.counts.failed) == ([None], 0, 1)


async def test_many_texts_that_become_too_late_are_run_no_further() -> None:
    now = iter((0, 5, 20, 20))
    answers: list[object] = []
    with ThreadPoolExecutor(1) as worker:
        batcher = Batcher(
            lambda texts: np.zeros((len(texts), 1)), worker, lambda: next(now), batch_texts=4
        )
        batcher.ask(["x"] * 100, 10, answers.append)
        await batcher.drain()
    assert (answers, batcher._texts) == ([None], 0)
    assert (batcher.counts.texts, batcher.counts.stale) == (8, 1)


async def test_what_is_asked_by_who_has_gone_is_run_no_further() -> None:
    answers: list[object] = []
    there = [True, True, False, False]
    with ThreadPoolExecutor(1) as worker:
        batcher = Batcher(
            lambda texts: np.zeros((len(texts), 1)), worker, time.monotonic_ns, batch_texts=4
        )
        batcher.ask(["x"] * 100, 1 << 62, answers.append, wanted=lambda: there.pop(0))
        await batcher.drain()
    assert (answers, batcher._texts, batcher.counts.texts) == ([None], 0, 8)


async def test_what_is_given_up_is_answered_and_leaves_nothing_to_run() -> None:
    answers: list[object] = []
    with ThreadPoolExecutor(1) as worker:
        batcher = Batcher(
            lambda texts: np.zeros((len(texts), 1)), worker, time.monotonic_ns, batch_texts=4
        )
        batcher.ask(["x"] * 100, 1 << 62, answers.append)
        batcher.ask(["y"], 1 << 62, answers.append)
        batcher.give_up()
        await batcher.drain()
    assert (answers, batcher._texts, batcher.counts.runs) == ([None, None], 0, 0)


async def test_a_path_that_was_removed_is_made_again(path: str) -> None:
    with embedder(path) as process:
        async with client(path) as one, client(path) as other:
            assert await until(lambda: one.up)
            os.unlink(path)
            assert await until(lambda: there(path))
            assert one.up, "who was connected stays so"
            assert other._transport is not None
            other._transport.abort()
            assert await until(lambda: other.up)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 5) == 0
        assert not there(path)


async def test_a_path_that_leads_to_another_is_left_to_it(path: str) -> None:
    with embedder(path) as first, bind(f"{path}.other"):
        os.rename(f"{path}.other", path)
        assert await asyncio.to_thread(first.wait, 10) == 0
        assert there(path)


async def test_who_speaks_another_language_is_let_go(path: str) -> None:
    with embedder(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(_read(reader), 2) == b""
        writer.close()
        async with client(path) as one:
            assert await until(lambda: one.up)
            assert await one.encode(("x",)) is not None


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def test_a_socket_is_taken_over_from_the_dead_only(path: str, tmp_path: Path) -> None:
    with bind(path) as alive:
        assert alive.fileno() > 0
        with pytest.raises(AlreadyRunning):
            bind(path)
    with bind(path) as again:
        assert again.getsockname() == path
        assert oct(os.stat(path).st_mode)[-3:] == "660"
    plain = tmp_path / "file"
    plain.write_text("mine")
    with pytest.raises(OSError, match="no socket"):
        bind(str(plain))
    assert plain.read_text() == "mine"


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "e.sock")
    with bind(path) as made, socket.socket(socket.AF_UNIX) as other:
        other.connect(path)
        assert made.getsockname() == path


async def test_too_much_at_once_is_refused() -> None:
    batcher = Batcher(lambda texts: np.zeros((len(texts), DIM)), None, time.monotonic_ns)  # type: ignore[arg-type]
    with pytest.raises(Overloaded):
        batcher.ask(["x"] * (WAITING_TEXTS + 1), 1 << 62, lambda _: None)
    assert batcher.counts.refused == 1
