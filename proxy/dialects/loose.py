"""Looking into JSON that may hold anything: what has the wrong type is as good as absent."""

from __future__ import annotations

from typing import Any

from proxy.chat import Json


def objects(value: Any) -> list[Json]:
    """The objects of a list."""
    return [one for one in value if type(one) is dict] if type(value) is list else []


def strings(value: Any) -> list[str]:
    """The texts of a list."""
    return [one for one in value if type(one) is str] if type(value) is list else []


def mapping(value: Any) -> Json:
    """An object; an empty one for anything else."""
    return value if type(value) is dict else {}


def string(value: Any) -> str:
    """A text; an empty one for anything else."""
    return value if type(value) is str else ""
