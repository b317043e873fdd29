"""What the probe notices, against providers that misbehave."""

import pytest
import uvloop

from benchmarks.faults.probe import ask
from benchmarks.faults.stage import TEXT, TOKENS, continuing, usage_is_right
from benchmarks.mock import Scenario, ScriptedUpstream, expected_text

pytestmark = pytest.mark.loopback


def probe(model, *, limit=2.0, script=None, default=None):
    async def work():
        async with ScriptedUpstream(default=default or Scenario()) as up:
            if script:
                up.script(model, script)
            url = f"{up.base_url}/chat/completions"
            return await ask(url, model, limit=limit, headers={"x-test": "1"}), up.requests

    return uvloop.run(work())


def test_a_whole_answer():
    outcome, (request,) = probe("mock-t5-f20")
    assert outcome.whole(expected_text("mock-t5"))
    assert outcome.done
    assert outcome.usage["completion_tokens"] == 5
    assert outcome.model == "mock-t5-f20"
    assert 0.015 < outcome.first_token_s <= outcome.total_s
    assert not outcome.clean_error
    assert request.headers["cache-control"] == "no-store"
    assert request.headers["x-test"] == "1"


@pytest.mark.parametrize(
    ("model", "clean", "cut", "hung"),
    [
        ("fault-500", True, False, False),
        ("fault-500-html", False, False, False),
        ("fault-error-frame-mid", True, False, False),
        ("fault-close-mid", False, True, False),
        ("fault-reset-mid", False, True, False),
        ("fault-stall-mid-stream", False, False, True),
        ("fault-end-mid-stream", False, False, False),
    ],
)
def test_broken_answers(model, clean, cut, hung):
    outcome, _ = probe(model, limit=0.4)
    assert not outcome.whole(expected_text(model))
    assert outcome.clean_error is clean
    assert outcome.cut is cut
    assert outcome.hung is hung
    assert outcome.line()


def test_a_flaw_does_not_hide_the_rest():
    outcome, _ = probe("fault-bad-json-chunk")
    assert outcome.whole(expected_text("fault-bad-json-chunk"))


def test_a_provider_that_goes_on():
    async def work():
        async with ScriptedUpstream(default=Scenario(tokens=TOKENS)) as up:
            up.script("m", continuing)
            url = f"{up.base_url}/chat/completions"
            return await ask(url, "m", limit=3, headers={})

    outcome = uvloop.run(work())
    assert outcome.whole(TEXT)
    assert usage_is_right(outcome)
