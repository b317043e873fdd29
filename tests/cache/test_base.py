"""aiocache without what it would load beside itself."""

import subprocess
import sys

import pytest


def test_a_process_that_shares_nothing_loads_no_redis() -> None:
    pytest.importorskip("redis", reason="no Valkey client")
    code = (
        "import sys, proxy.cache.exact; from aiocache.base import BaseCache; "
        "print('redis' in sys.modules, issubclass(proxy.cache.exact.ExactCache, BaseCache)); "
        "import redis.asyncio; print(redis.asyncio.Redis.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "Redis"]


def test_what_is_loaded_already_stays() -> None:
    pytest.importorskip("redis", reason="no Valkey client")
    code = "import redis, sys, proxy.cache.exact; print(sys.modules['redis'] is redis)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
