"""Every fault of the scripted upstream by its name: the model `fault-NAME` does it.

Three families: before a token (this file's imports from `refusals` and `breaks`), in the middle
of an answer (`breaks`), and right but unusual (`oddities`).
"""

from __future__ import annotations

from benchmarks.mock.breaks import BREAKS
from benchmarks.mock.oddities import ODDITIES
from benchmarks.mock.refusals import REFUSALS, refuse
from benchmarks.mock.turn import Script

SCRIPTS: dict[str, Script] = {**REFUSALS, **BREAKS, **ODDITIES}
NAMES: tuple[str, ...] = tuple(SCRIPTS)

__all__ = ["NAMES", "SCRIPTS", "refuse"]
