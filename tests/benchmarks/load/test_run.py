"""Load runs over real sockets against the scripted upstream."""

import asyncio
import time

import orjson
import pytest
import uvloop

from benchmarks.load import apis, arrivals, prompts, target
from benchmarks.load.plan import Load
from benchmarks.load.run import Run
from benchmarks.load.tally import Tally
from benchmarks.mock import Act, ScriptedUpstream, ports

pytestmark = pytest.mark.loopback


async def loaded(up, model, load, *, stream=True, api="chat", check=True, rows=False):
    shape = apis.APIS[api]
    base = up.base_url if api != "ollama" else up.base_url.removesuffix("/v1")
    where = target.target(base, shape)
    asked = [target.marked(p) for p in prompts.varied()] if load.unique else prompts.varied()
    jobs = target.jobs(where, shape, model, asked, stream=stream, check_text=check)
    run = Run(load, where, shape, jobs, stream=stream)
    run.rows = [] if rows else None
    return await run.execute(), run


def measure(model, load, **options):
    async def work():
        async with ScriptedUpstream() as up:
            tally, run = await loaded(up, model, load, **options)
            return tally, run, up

    return uvloop.run(work())


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_closed_loop_counts_everything(loop):
    async def work():
        async with ScriptedUpstream() as up:
            return await loaded(up, "mock-t8-i1", Load(concurrency=4, count=40, warmup=4))

    tally, _ = loop(work())
    assert tally.ok == 40
    assert tally.failed == tally.unfinished == 0
    assert tally.tokens == 320
    assert tally.gap.summary()["count"] == 280
    assert tally.gap.quantile(0.5) == pytest.approx(0.001, abs=0.0015)
    assert tally.completion_tokens == 320
    assert tally.prompt_tokens == 480
    assert tally.connections == 4


@pytest.mark.parametrize("api", sorted(apis.APIS))
@pytest.mark.parametrize("stream", [True, False])
def test_every_format(api, stream):
    tally, _, up = measure("mock-t5", Load(concurrency=2, count=6), api=api, stream=stream)
    assert dict(tally.errors) == {}
    assert tally.ok == 6
    assert tally.tokens == (30 if stream else 0)
    assert tally.completion_tokens == 30
    assert up.requests[0].path.endswith(apis.APIS[api].path)


def test_an_open_loop_keeps_its_rate():
    load = Load(concurrency=50, count=100, arrivals=lambda: arrivals.constant(200))
    tally, _, _ = measure("mock-t2-f20", load)
    assert tally.ok == 100
    assert tally.seconds == pytest.approx(0.52, abs=0.15)
    assert tally.ttft.quantile(0.5) == pytest.approx(0.021, abs=0.008)


def test_waiting_counts_from_the_intended_start():
    """One connection for 20 requests of 20 ms that are due every 5 ms: the last waits 300 ms."""
    load = Load(concurrency=1, count=20, arrivals=lambda: arrivals.constant(200))
    tally, _, _ = measure("mock-t1-f20", load)
    assert tally.ok == 20
    assert tally.total.quantile(1.0) >= 0.28
    assert tally.late_slots >= 15
    assert any("waited for a connection" in one for one in tally.warnings())


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("fault-close-mid", "closed_early"),
        ("fault-reset-mid", "reset_early"),
        ("fault-close-before-headers", "closed_before_answer"),
        ("fault-reset-before-headers", "reset_before_answer"),
        ("fault-500", "http_500"),
        ("fault-error-frame-first", "error_event"),
        ("fault-error-frame-mid", "error_event"),
        ("fault-no-done", "no_end_mark"),
        ("fault-no-finish", "no_finish_reason"),
        ("fault-empty-stream", "no_token"),
        ("fault-200-html", "no_token"),
        ("fault-garbage", "not_http"),
        ("fault-bad-chunk-mid", "not_http"),
    ],
)
def test_every_stream_is_checked(model, kind):
    tally, _, _ = measure(model, Load(concurrency=2, count=4))
    assert dict(tally.errors) == {kind: 4}
    assert tally.ok == 0
    assert tally.samples


def test_wrong_texts_are_found():
    def swapped(turn):
        a = turn.answer
        events = [a.tokens[1], a.tokens[0], *a.tokens[2:], a.finish, a.done]
        body = b"".join(events)
        yield turn.head() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    async def work():
        async with ScriptedUpstream() as up:
            up.script("mock-t4", swapped)
            return await loaded(up, "mock-t4", Load(concurrency=1, count=2))

    tally, _ = uvloop.run(work())
    assert dict(tally.errors) == {"wrong_text": 2}


def test_a_whole_answer_with_a_wrong_text_is_found():
    async def work():
        async with ScriptedUpstream(word="other") as up:
            return await loaded(up, "mock-t4", Load(concurrency=1, count=2), stream=False)

    tally, _ = uvloop.run(work())
    assert dict(tally.errors) == {"wrong_text": 2}


def answered(events, api="chat", gap=0.0):
    """What a run finds in a stream of these events, each list of them in one write."""

    def script(turn):
        yield turn.head()
        for group in events:
            body = b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in group)
            body += b"data: [DONE]\n\n" if api == "chat" and group is events[-1] else b""
            yield b"%x\r\n%b\r\n" % (len(body), body)
            yield gap
        yield b"0\r\n\r\n"

    async def work():
        async with ScriptedUpstream() as up:
            up.script("m", script)
            return await loaded(up, "m", Load(concurrency=1, count=1), api=api)

    return uvloop.run(work())[0]


TOKEN = {"choices": [{"delta": {"content": "a"}}]}
STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def test_usage_counts_where_one_write_holds_the_whole_answer():
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    tally = answered([[TOKEN, STOP, usage]])
    assert dict(tally.errors) == {}
    assert (tally.prompt_tokens, tally.completion_tokens) == (7, 3)


def test_usage_that_grows_counts_once():
    usages = [{**TOKEN, "usage": {"prompt_tokens": 7, "completion_tokens": n}} for n in (1, 2, 3)]
    tally = answered([[one] for one in usages] + [[{**STOP, **usages[-1], **STOP}]], gap=0.01)
    assert (tally.prompt_tokens, tally.completion_tokens) == (7, 3)


def test_anthropic_tells_what_was_asked_at_the_start_only():
    said = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}
    start = {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 9, "output_tokens": 1}},
    }
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 4},
    }
    tally = answered([[start, said], [end, {"type": "message_stop"}]], "messages", gap=0.01)
    assert dict(tally.errors) == {}
    assert (tally.prompt_tokens, tally.completion_tokens) == (9, 4)


def test_no_error_is_none_however_it_is_written():
    """Python's json puts a space after the colon."""

    def script(turn):
        for piece in (b'{"content": "a"}', b'{}, "finish_reason": "stop"'):
            event = b'data: {"choices": [{"delta": %b}], "error": null}\n\n' % piece
            yield turn.head() if b"content" in piece else b""
            yield b"%x\r\n%b\r\n" % (len(event), event)
            yield 0.01
        yield b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

    async def work():
        async with ScriptedUpstream() as up:
            up.script("m", script)
            return await loaded(up, "m", Load(concurrency=1, count=2))

    tally, _ = uvloop.run(work())
    assert dict(tally.errors) == {}
    assert tally.ok == 2


@pytest.mark.parametrize(
    "model",
    [
        "fault-utf8-split",
        "fault-crlf",
        "fault-one-write",
        "fault-http10-close",
        "fault-byte-at-a-time",
    ],
)
def test_odd_streams_are_good_streams(model):
    tally, _, _ = measure(model, Load(concurrency=2, count=4))
    assert dict(tally.errors) == {}
    assert tally.ok == 4


def test_a_silent_server_times_out():
    started = time.monotonic()
    tally, _, _ = measure(
        "fault-stall-before-headers", Load(concurrency=2, count=2, request_seconds=0.2)
    )
    assert dict(tally.errors) == {"timeout": 2}
    assert time.monotonic() - started < 3


def test_the_end_does_not_wait_for_ever():
    tally, _, _ = measure(
        "fault-stall-before-headers", Load(concurrency=2, seconds=0.2, drain_seconds=0.2)
    )
    assert tally.unfinished == 2
    assert tally.seconds < 2


def test_a_server_that_dies_is_an_error_not_a_hang():
    def dying(turn):
        yield 0.01
        yield Act.RESET

    async def work():
        async with ScriptedUpstream() as up:
            up.script("m", dying)
            load = Load(concurrency=2, count=50)
            work = asyncio.ensure_future(loaded(up, "m", load, rows=True))
            while up.totals.requests < 2:
                await asyncio.sleep(0.001)
            await up.close()
            return await asyncio.wait_for(work, 30)

    tally, run = uvloop.run(work())
    assert tally.failed == len(run.rows) == 50
    assert tally.errors["connect"] > 0


def test_a_refused_connection_is_an_os_error():
    async def work():
        with ports.refusing() as port:
            shape = apis.APIS["chat"]
            where = target.target(f"http://127.0.0.1:{port}", shape)
            jobs = target.jobs(where, shape, "m", prompts.varied(), stream=True)
            await Run(Load(count=1), where, shape, jobs, stream=True).execute()

    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        uvloop.run(work())


def test_unique_prompts_differ():
    _, _, up = measure("mock-t1", Load(concurrency=2, count=200, unique=True))
    texts = {one.json["messages"][0]["content"] for one in up.requests}
    assert len(texts) == 200


def test_what_never_ended_is_a_row_too():
    load = Load(
        concurrency=1, count=3, seconds=0.3, drain_seconds=0.1,
        arrivals=lambda: arrivals.constant(20),
    )  # fmt: skip
    tally, run, _ = measure("fault-stall-before-headers", load, rows=True)
    assert tally.unfinished == 3
    assert [error for *_, error in run.rows] == ["unfinished"] * 3


def test_an_interrupt_does_not_wait_for_the_warm_up():
    async def work():
        async with ScriptedUpstream() as up:
            shape = apis.APIS["chat"]
            where = target.target(up.base_url, shape)
            jobs = target.jobs(where, shape, "fault-stall-before-headers", prompts.varied(),
                               stream=True)  # fmt: skip
            run = Run(Load(count=1, warmup=1), where, shape, jobs, stream=True)
            running = asyncio.ensure_future(run.execute())
            while not up.totals.requests:
                await asyncio.sleep(0.001)
            run.interrupt()
            return run, await asyncio.wait_for(running, 30)

    run, tally = uvloop.run(work())
    assert run.interrupted
    assert (tally.ok, tally.failed) == (0, 0)


def test_rows_and_dump():
    tally, run, _ = measure("mock-t3-f5-i1", Load(concurrency=2, count=10), rows=True)
    assert len(run.rows) == 10
    for due, first, end, lag, tokens, status, error in run.rows:
        assert 0 <= due < first <= end
        assert lag >= 0
        assert (tokens, status, error) == (3, 200, "")
    data = orjson.loads(orjson.dumps(tally.dump()))
    again = Tally.load(data)
    assert again.dump() == tally.dump()
    again.merge(tally)
    assert again.ok == 20
    assert len(again.slices) == len(tally.slices)
    assert sum(one.ok for one in again.slices) == 20
