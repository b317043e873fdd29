"""The admin API asked whatever its description allows, and what it forbids.

FIRSTTOKEN_EXAMPLES=50 asks each operation that often, for a long look by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conftest import ProxyProcess

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = int(os.environ.get("FIRSTTOKEN_EXAMPLES", "2"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, ignored_auth,
    negative_data_rejection, response_headers_conformance, response_schema_conformance,
    unsupported_method,
]  # fmt: skip
ENDLESS = "/api/live"  # a stream of events: it has a test of its own
HEADERS = {"Authorization": "Bearer sk-admin"}
TOML = """
[local]
enabled = false
[auth]
admin_key = "env:ADMIN"
[[auth.key]]
name = "caller"
key = "env:ADMIN"
[[provider]]
name = "primary"
dialect = "openai"
base_url = "{base_url}"
key = "env:ADMIN"
[[route]]
name = "chat"
targets = ["primary/mock-t4-f0-i0"]
"""


@pytest.fixture(scope="module")
def address(proxy_process, upstream_thread) -> Iterator[str]:
    proxy: ProxyProcess = proxy_process(
        TOML.format(base_url=upstream_thread.base_url), env={"ADMIN": "sk-admin"}, fresh=True
    )
    yield proxy.base_url.removesuffix("/v1")
    proxy.stop()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_that_may_be_asked_breaks_it(address: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json", headers=HEADERS)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            response = case.call(headers=HEADERS, timeout=20)
            case.validate_response(response, headers=HEADERS, checks=CHECKS)

        ask()
    assert asked > 50
