"""aiocache's ground, without its backends.

The package imports redis and aiomcache wherever they are installed, for classes that nothing here
uses: 19 MB and a good part of the start. While it is imported they count as not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

_BACKENDS = ("redis", "aiomcache")


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Imports of these fail meanwhile, unless they are loaded already."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = cast("ModuleType", None)  # what the import system takes for missing
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _without(_BACKENDS):
    from aiocache.base import BaseCache
    from aiocache.serializers import NullSerializer

__all__ = ["BaseCache", "NullSerializer"]
