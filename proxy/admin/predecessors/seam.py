"""What the old endpoints are built on: the admin core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.admin.completing import Completer
from proxy.admin.control import Control
from proxy.admin.usage import Usage
from proxy.catalog import Catalog
from proxy.timing import Clock


@dataclass(frozen=True, slots=True)
class Core:
    """Everything is in force when it is asked. breakers: by provider/model; reset: one or all."""

    completer: Completer
    usage: Usage
    control: Control
    book: Callable[[], Catalog]
    breakers: Callable[[], Mapping[str, Any]]
    reset: Callable[[str | None], None]
    wall: Clock
