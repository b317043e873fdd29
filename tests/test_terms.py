"""What a route's settings mean for its races."""

from __future__ import annotations

import pytest

from proxy import catalog, config
from proxy.parts import rules_of

TEXT = """
[[provider]]
name = "one"
dialect = "openai"
base_url = "http://127.0.0.1:9/v1"
[[route]]
name = "chat"
targets = ["one/m"]
{more}
"""


@pytest.mark.parametrize(
    ("more", "usual_s", "pausing_s"),
    [
        ("", 10.0, None),
        ("between_tokens_ms = 3000", 3.0, 3.0),
        ('between_tokens_ms = "auto"', None, None),
    ],
    ids=["nothing said", "set", "learned"],
)
def test_a_model_that_thinks_is_cut_off_only_where_somebody_said_so(
    more: str, usual_s: float | None, pausing_s: float | None
) -> None:
    settings = config.parse(TEXT.format(more=more), "test", {})
    book = catalog.Catalog(settings, catalog.providers(settings, {}))
    _, terms = rules_of(settings, book)
    assert (terms[1].between_tokens_s, terms[1].pausing_s) == (usual_s, pausing_s)
