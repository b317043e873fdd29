"""All dialects by name; one object each, so that identity tells whether bytes may pass."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.dialects.anthropic import Anthropic
from proxy.dialects.bedrock import Bedrock
from proxy.dialects.cohere import Cohere
from proxy.dialects.completions import Completions
from proxy.dialects.dialect import Dialect
from proxy.dialects.gemini import Gemini
from proxy.dialects.ollama import Ollama
from proxy.dialects.openai import OpenAI
from proxy.dialects.responses import Responses
from proxy.dialects.schema_calls import SchemaCalls
from proxy.dialects.sturdy import Sturdy

DIALECTS: Mapping[str, Dialect] = {
    one.name: Sturdy(one)
    for one in (
        OpenAI(),
        Completions(),
        Responses(),
        Anthropic(),
        Gemini(),
        Ollama(),
        Cohere(),
        Bedrock(),
    )
}

NAMES = frozenset(DIALECTS)

# OpenAI's, for a server that calls no tools but holds an answer to a schema: a quirk, no format.
CALLS_BY_SCHEMA: Dialect = Sturdy(SchemaCalls())

# What a provider of a dialect also speaks, so that a client of it passes unchanged.
_FAMILY = {"openai": frozenset({"openai", "completions"})}


def dialect(name: str) -> Dialect:
    """The dialect of this name. Raises KeyError: names come from the configuration's schema."""
    return DIALECTS[name]


def spoken(provider: str, client: str, *, responses: bool = False) -> str:
    """The dialect to use with a provider for a client's: the client's own where both speak it.

    responses: whether the provider knows that interface too; most of OpenAI's kin do not.
    """
    if client in _FAMILY.get(provider, ()) or (responses and client == "responses"):
        return client
    return provider
