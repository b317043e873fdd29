"""The scripted upstream: a provider that answers, stalls and breaks as its model names say."""

from benchmarks.mock.record import Recorded
from benchmarks.mock.scenario import Scenario, Trace
from benchmarks.mock.turn import Act, Step, Turn
from benchmarks.mock.upstream import ScriptedUpstream, expected_text

__all__ = [
    "Act",
    "Recorded",
    "Scenario",
    "ScriptedUpstream",
    "Step",
    "Trace",
    "Turn",
    "expected_text",
]
