from __future__ import annotations

from proxy.cache.shadow import Unheard, repeat
from proxy.exchange import ANONYMOUS, NO_OPTIONS, Exchange, Options, Sink


def test_the_same_request_is_asked_in_its_own_name() -> None:
    first = Exchange("openai", {"model": "m"}, ANONYMOUS, 1.0, Options(cache="only", tags=("x",)))
    first.model, first.route, first.category, first.stream = "m", "r", "code", True
    first.cache, first.outcome, first.status = "semantic", "ok", 200
    again = repeat(first, 2.0)
    assert again.id != first.id
    assert again.body is first.body
    assert (again.model, again.route, again.category, again.stream) == ("m", "r", "code", True)
    assert (again.lane, again.cache, again.outcome, again.status) == ("shadow", "bypass", "", 0)
    assert again.options is NO_OPTIONS, "the client's wishes are not repeated"
    sink: Sink = Unheard()
    sink.open(200, b"", b"")
    sink.end()
