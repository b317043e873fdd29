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


def test_the_end_of_what_nobody_reads_is_heard() -> None:
    told: list[int] = []
    sink: Sink = Unheard(lambda: told.append(1))
    sink.open(200, b"", b"a")
    sink.write(b"b")
    assert told == []
    sink.end()
    sink.whole(502, b"", b"{}")
    sink.abort()
    assert told == [1, 1, 1]
