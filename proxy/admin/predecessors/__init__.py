"""The endpoints of the routers that firsttoken replaces: their paths and shapes, no logic."""

from __future__ import annotations

from proxy.admin.endpoint import Endpoint
from proxy.admin.predecessors.coordination import Coordination
from proxy.admin.predecessors.orchestrator import Orchestrator
from proxy.admin.predecessors.router import Router
from proxy.admin.predecessors.seam import Core
from proxy.admin.predecessors.trpc import Analytics, Completions


def endpoints(core: Core) -> list[Endpoint]:
    """All of them, in the order of their letters."""
    desks = (Coordination(core), Orchestrator(core), Completions(core), Analytics(core),
             Router(core))  # fmt: skip
    return [endpoint for desk in desks for endpoint in desk.endpoints()]
