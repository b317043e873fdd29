"""Fuzzing: a few hundred inputs a target in every run, as many as wanted by hand.

    FIRSTTOKEN_FUZZ=1000000 python -m pytest tests/fuzz -k decoders -p no:cacheprovider --timeout 0

Without the variable the inputs are the same in every run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_ASKED = os.environ.get("FIRSTTOKEN_FUZZ")
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "fuzz",
    max_examples=int(_ASKED or 100),
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    suppress_health_check=_SLOW,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
PROFILE = settings.get_profile("fuzz")
