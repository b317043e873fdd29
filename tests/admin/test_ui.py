from __future__ import annotations

import re

import pytest
from yarl import URL

from proxy.admin.ui import GUARDS, pages
from tests.admin.house import house

WEIGHT_BYTES = 300_000
FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")


def test_the_whole_ui_is_light() -> None:
    files = pages()
    assert {"index.html", "style.css", "app.js", "playground.js", "icon.svg"} <= files.keys()
    assert sum(len(page.body) for page in files.values()) <= WEIGHT_BYTES


@pytest.mark.parametrize("name", sorted(pages()))
def test_nothing_comes_from_outside_and_no_text_becomes_markup(name: str) -> None:
    text = pages()[name].body.decode()
    for url in re.findall(r"https?://[^\s\"'`)]+", text):
        assert url.startswith("http://www.w3.org/"), url  # the namespace of SVG
    assert not [word for word in FORBIDDEN if word in text]
    if name.endswith(".html"):
        assert not re.search(r"\son\w+=|<style|\sstyle=|<script(?![^>]*\ssrc=)", text)


def test_every_module_that_is_imported_is_there() -> None:
    files = pages()
    for name, page in files.items():
        for found in re.findall(r'"/ui/([\w.]+)"', page.body.decode()):
            assert found in files or found == "session", (name, found)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/ui", "text/html"),
        ("/ui/", "text/html"),
        ("/ui/app.js", "text/javascript"),
        ("/ui/style.css", "text/css"),
        ("/ui/icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_is_served_under_a_strict_policy_and_revalidated(path, kind) -> None:
    async with house() as it:
        async with it.client.get(path) as answer:
            assert (answer.status, answer.content_type) == (200, kind)
            for name, value in GUARDS.items():
                assert answer.headers[name] == value
            etag = answer.headers["ETag"]
            assert await answer.read()
        async with it.client.get(path, headers={"If-None-Match": f'"x", W/{etag}'}) as again:
            assert (again.status, await again.read()) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2f..%2fapp.py", "%2e%2e", "index.html%00"])
async def test_no_other_file_is_served(name) -> None:
    async with house() as it:
        url = URL(
            str(it.client._base_url).rstrip("/") + f"/ui/{name}", encoded=True
        )  # else ".." goes up here already
        async with it.client.get(url) as answer:
            assert answer.status == 404


async def test_the_address_in_the_terminal_leads_to_the_page() -> None:
    async with house() as it, it.client.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/ui")


async def test_a_breaker_is_opened_by_hand_and_the_next_target_answers() -> None:
    target = "primary/mock-t4-f0-i0"
    async with house() as it:
        doors = await it.post("/api/breakers/open", {"target": target})
        assert (doors[target]["state"], doors[target]["lastFailure"]) == ("OPEN", "by_hand")
        body = {"model": "chat", "messages": [{"role": "user", "content": "x"}]}
        async with it.client.post("/v1/chat/completions", json=body) as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"
        await it.post("/api/breakers/reset", {"target": target})
        async with it.client.post("/v1/chat/completions", json=body) as answer:
            assert answer.headers["x-firsttoken-provider"] == "primary"


@pytest.mark.parametrize("target", ["primary", "/model", "primary/", "a/" + "b" * 300])
async def test_only_a_target_has_a_breaker(target) -> None:
    async with house() as it:
        status, _ = await it.call("POST", "/api/breakers/open", json={"target": target})
        assert status == 400
        assert await it.get("/api/breakers") == {}
