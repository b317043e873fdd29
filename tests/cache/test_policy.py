from __future__ import annotations

from typing import Any

import pytest

from proxy.cache.policy import ALLOWED, Options, Settings, may_look_up, may_store, options_of


@pytest.mark.parametrize(
    ("mode", "header", "wish"),
    [
        ("", "", ALLOWED),
        ("bypass", "", Options(read=False, write=False)),
        ("refresh", "", Options(read=False)),
        ("only", "", Options(write=False, only=True)),
        ("", "no-cache", Options(read=False)),
        ("", "No-Cache, max-age=0", Options(read=False)),
        ("", "no-store", Options(write=False)),
        ("", "no-store, no-cache", Options(read=False, write=False)),
        ("", "only-if-cached", Options(write=False, only=True)),
        ("", "max-age=60", Options(max_age_s=60)),
        ("", "only-if-cached, max-age = 60", Options(write=False, only=True, max_age_s=60)),
        ("", "max-age=soon", Options(read=False)),
        ("", "private", ALLOWED),
        ("only", "no-cache", Options(write=False, only=True)),
    ],
)
def test_what_a_request_allows(mode: str, header: str, wish: Options) -> None:
    assert options_of(mode, header) == wish


@pytest.mark.parametrize(
    ("body", "category", "settings", "may"),
    [
        ({}, "", Settings(), True),
        ({"temperature": None}, "", Settings(), True),
        ({"temperature": 1}, "code", Settings(), True),
        ({"temperature": 1.2}, "", Settings(), False),
        ({"temperature": 0.5}, "", Settings(max_temperature=0.4), False),
        ({}, "web_search", Settings(), False),
        ({}, "", Settings(enabled=False), False),
    ],
)
def test_which_requests_are_looked_up(
    body: dict[str, Any], category: str, settings: Settings, may: bool
) -> None:
    assert may_look_up(body, settings, category) is may


GOOD: dict[str, Any] = {
    "options": ALLOWED,
    "settings": Settings(),
    "complete": True,
    "finishes": ["stop"],
    "size_bytes": 100,
}


@pytest.mark.parametrize(
    ("changed", "may"),
    [
        ({}, True),
        ({"finishes": ["stop", "stop"]}, True),
        ({"finishes": ["length"]}, False),
        ({"finishes": ["content_filter"]}, False),
        ({"finishes": ["stop", "length"]}, False),
        ({"finishes": [None]}, False),
        ({"finishes": []}, False),
        ({"complete": False}, False),
        ({"options": Options(write=False)}, False),
        ({"settings": Settings(enabled=False)}, False),
        ({"size_bytes": 2 << 20}, False),
        ({"has_text": False}, False),
        ({"has_refusal": True}, False),
        ({"has_media": True}, False),
        ({"has_calls": True, "finishes": ["tool_calls"]}, False),
        ({"finishes": ["tool_calls"]}, False),
        (
            {
                "has_calls": True,
                "finishes": ["tool_calls"],
                "settings": Settings(tool_calls=True),
                "has_text": False,
            },
            True,
        ),
    ],
)
def test_which_answers_are_kept(changed: dict[str, Any], may: bool) -> None:
    assert may_store(**{**GOOD, **changed}) is may
