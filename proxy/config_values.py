"""The kinds of values in the configuration, each with the words that say what it should be."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator

DialectName = Literal[
    "openai", "responses", "anthropic", "gemini", "ollama", "cohere", "bedrock"
]  # fmt: skip
AuthStyle = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "sigv4", "google", "none"]
Strategy = Literal["ordered", "weighted", "fastest", "cheapest"]
Capability = Literal["tools", "vision", "json_schema", "reasoning", "audio", "files", "prefill"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,99}")
_PATTERN = re.compile(r"[A-Za-z0-9_.:@/*-]{1,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BASE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CREDENTIAL = re.compile(r"authorization|cookie|token|secret|key", re.IGNORECASE)


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is letters, digits and . _ - : @ only, 100 at most")
    return value


def check_pattern(value: str) -> str:
    if value.count("*") > 1:
        raise ValueError("a route's name may hold one * only")
    if not _PATTERN.fullmatch(value):
        raise ValueError("a route's name is letters, digits and . _ - : @ / * only, 200 at most")
    return value


def _check_target(value: str) -> str:
    provider, _, model = value.partition("/")
    if not (_NAME.fullmatch(provider) and model and model.isprintable() and " " not in model):
        raise ValueError('a target is "provider/model", such as "openai/gpt-4o-mini"')
    return value


def _check_base_url(value: str) -> str:
    if "@" in value:
        raise ValueError('must not hold a password: write it as key = "env:NAME"')
    if not _BASE_URL.fullmatch(value):
        raise ValueError('must be like "https://api.example.com/v1", without a query')
    return value.rstrip("/")


def _check_digest(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise ValueError("must be 64 lower-case hexadecimal digits: printf %s KEY | sha256sum")
    return value


def _auto_or_ms(value: object) -> Literal["auto"] | float:
    if value == "auto":
        return "auto"
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 3_600_000:
        return float(value)
    raise ValueError('must be "auto" or milliseconds from 1 to 3600000')


Digest = Annotated[str, AfterValidator(_check_digest), PlainSerializer(lambda _: "(set)")]
BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
Name = Annotated[str, AfterValidator(_check_name)]
TargetName = Annotated[str, AfterValidator(_check_target)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Millis = Annotated[float, Field(ge=1, le=3_600_000)]
AutoMillis = Annotated[Literal["auto"] | float, PlainValidator(_auto_or_ms)]
Share = Annotated[float, Field(ge=0, le=1)]
Usd = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
