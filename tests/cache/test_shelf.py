from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.cache.cache import Cache
from proxy.cache.key import key_of
from proxy.cache.policy import Settings
from proxy.cache.shelf import Shelf, Wanted
from proxy.errors import ClientError
from tests.cache.test_cache import FRANCE, SPAIN, WHICH_CITY, Clock, entry, key, vector


class Reading:
    vector = vector(1)
    language = "en"


class Reader:
    def read(self, text: str) -> Reading:
        return Reading()


def route_of(model: str) -> str:
    if model == "nope":
        raise ClientError(404, "No such model.", code="model_not_found")
    return "r"


def filled(settings: Settings | None = None, clock: Clock | None = None) -> Cache:
    cache = Cache(settings or Settings(), clock or Clock())
    cache.put(key(FRANCE), vector(1), entry(category="facts", tags=("x",)))
    cache.put(key(SPAIN), vector(2), entry(category="facts"))
    cache.put(key("Hello"), vector(3), entry(category="conversation", tags=("qualification",)))
    return cache


def shelf_of(cache: Cache) -> Shelf:
    return Shelf(cache, Reader(), route_of)


async def test_pages_come_newest_first_without_answers() -> None:
    shelf = shelf_of(filled())
    first = await shelf.browse(Wanted(), limit=2)
    assert [one["text"] for one in first["entries"]] == ["Hello", SPAIN]
    assert "answer" not in first["entries"][0]
    second = await shelf.browse(Wanted(), limit=2, after=first["next"])
    assert [one["text"] for one in second["entries"]] == [FRANCE]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (Wanted(pattern="*CAPITAL of s*"), [SPAIN]),
        (Wanted(category="facts"), [SPAIN, FRANCE]),
        (Wanted(tag="x"), [FRANCE]),
        (Wanted(tag="x", category="conversation"), []),
        (Wanted(pattern="llm:cache:qualification:*"), ["Hello"]),
        (Wanted(pattern="llm:cache:facts:*"), [SPAIN, FRANCE]),
        (Wanted(pattern="llm:cache:*"), ["Hello", SPAIN, FRANCE]),
        (Wanted(pattern="[capital"), []),
    ],
)
async def test_what_is_wanted(wanted: Wanted, texts: list[str]) -> None:
    cache = filled()
    shelf = shelf_of(cache)
    assert [one["text"] for one in (await shelf.browse(wanted))["entries"]] == texts
    assert await shelf.invalidate(wanted) == {"invalidated": len(texts)}
    assert cache.stats()["entries"] == cache.stats()["vectors"] == 3 - len(texts)


async def test_one_entry_is_shown_with_its_answer_and_forgotten() -> None:
    cache = filled()
    shelf = shelf_of(cache)
    (shown,) = (await shelf.browse(Wanted(tag="x")))["entries"]
    assert shelf.look(shown["id"])["answer"] == {"id": "x"}
    assert shown["expires_in_s"] == 86_400.0
    assert shelf.drop(shown["id"]) == {"invalidated": 1}
    for gone in (shown["id"], "zz", ""):
        with pytest.raises(ClientError, match="no such entry"):
            shelf.look(gone)


async def test_a_pinned_answer_outlives_its_time_and_the_others() -> None:
    clock = Clock()
    cache = filled(Settings(ttl_s=10, max_bytes=8000), clock)
    shelf = shelf_of(cache)
    (shown,) = (await shelf.browse(Wanted(tag="x")))["entries"]
    assert shelf.pin(shown["id"], True)["pinned"] is True
    for number in range(40):
        cache.put(key(f"Question {number}"), None, entry())
    assert cache.stats()["bytes"] <= 8000
    clock.now_s += 100
    assert cache.find_exact(key(FRANCE)) is not None
    assert cache.find_exact(key(SPAIN)) is None
    assert shelf.pin(shown["id"], False)["expires_in_s"] == 10
    clock.now_s += 10
    assert cache.find_exact(key(FRANCE)) is None
    assert cache.exact.pinned_bytes == 0


async def test_pins_leave_room() -> None:
    cache = filled(Settings(max_bytes=2800))
    shelf = shelf_of(cache)
    names = [one["id"] for one in (await shelf.browse(Wanted()))["entries"]]
    shelf.pin(names[0], True)
    with pytest.raises(ClientError, match="50%"):
        shelf.pin(names[1], True)
    shelf.drop(names[0])
    assert shelf.pin(names[1], True)["pinned"] is True


async def test_a_cache_full_of_pins_takes_in_no_more_than_fits() -> None:
    cache = Cache(Settings(max_bytes=2000, max_entries=3), Clock())
    for number in range(3):
        cache.put(key(f"Question {number}"), None, entry())
        found = cache.exact.look(key(f"Question {number}").exact)
        if found is not None:
            cache.pin(found, True)
    cache.put(key("One more"), None, entry())
    assert cache.stats()["entries"] <= 4


def test_metrics_are_those_of_predecessor_d() -> None:
    cache = filled()
    assert shelf_of(Cache(Settings(), Clock())).metrics()["hitRate"] == 0.0
    cache.find_exact(key(FRANCE))
    cache.find_semantic(key("Nothing like it"), vector(9))
    assert shelf_of(cache).metrics() == {
        "hits": 1,
        "misses": 1,
        "hitRate": 0.5,
        "estimatedSavingsUSD": 0.0,
    }


def asked(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def test_a_warmed_answer_is_found_by_its_caller_in_both_ways() -> None:
    cache = Cache(Settings(), Clock())
    kept = shelf_of(cache).warm(
        {"request": asked(FRANCE), "answer": "Paris.", "tenant": "t", "tags": ["geo"]}
    )
    assert kept["kept"] is True
    found = cache.find_exact(key(FRANCE))
    assert found is not None
    message = orjson.loads(cache.whole_of(found))["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Paris."}
    assert b"Paris." in cache.stream_of(found, include_usage=False)
    assert cache.find_semantic(key(WHICH_CITY), vector(1), "en") is not None
    assert cache.find_exact(key(FRANCE, tenant="u")) is None


def test_a_whole_response_and_a_completion_can_be_warmed() -> None:
    cache = Cache(Settings(), Clock())
    shelf = shelf_of(cache)
    response = {"id": "1", "choices": [{"index": 0, "message": {"content": "Hi"}}]}
    shelf.warm({"request": asked("Hello"), "response": response, "tenant": "t"})
    found = cache.find_exact(key("Hello"))
    assert found is not None
    assert orjson.loads(found.whole) == response
    body = {"model": "m", "prompt": "Once upon"}
    shelf.warm({"request": body, "answer": " a time"})
    known = key_of(body, tenant="anonymous", route="r", kind="completions")
    assert known is not None
    told = cache.find_exact(known)
    assert told is not None
    assert orjson.loads(told.whole)["choices"][0]["text"] == " a time"


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"request": "x"},
        {"request": {}, "answer": "x"},
        {"request": asked("Hi")},
        {"request": asked("Hi"), "answer": ""},
        {"request": asked("Hi"), "response": {"choices": 1}},
        {"request": {"model": "m", "messages": []}, "answer": "x"},
        {"request": {"model": "nope", "messages": asked("Hi")["messages"]}, "answer": "x"},
    ],
)
def test_what_cannot_be_kept_is_refused(row: dict[str, Any]) -> None:
    cache = Cache(Settings(), Clock())
    with pytest.raises(ClientError):
        shelf_of(cache).warm(row)
    assert cache.stats()["entries"] == 0
