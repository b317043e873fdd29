"""GET /api/gpus: the GPUs of this machine, and the embedder that uses one."""

from __future__ import annotations

from typing import Any

from embeddings.client import Client
from embeddings.gpu import Telemetry
from proxy.admin.endpoint import Call, Endpoint


class Hardware:
    """The hardware, as it was looked at last."""

    def __init__(self, telemetry: Telemetry, embedder: Client) -> None:
        self._telemetry = telemetry
        self._embedder = embedder

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        return [
            Endpoint("GET", "/api/gpus", self.gpus,
                     "GPUs with load, memory, temperature, power and ECC errors; none: an empty"
                     " list.", group="state"),
            Endpoint("GET", "/api/embedder", self.embedder,
                     "How the embedder process does; configured is false where there is none.",
                     group="state"),
        ]  # fmt: skip

    def gpus(self, _: Call) -> dict[str, Any]:
        """As NVML said last."""
        return {
            "gpus": [
                {"index": one.index, "uuid": one.uuid, "name": one.name, **one.figures()}
                for one in self._telemetry.gpus
            ]
        }

    async def embedder(self, _: Call) -> dict[str, Any]:
        """Our view of it, and its own."""
        client = self._embedder
        if client.path is None:
            return {"configured": False}
        return {
            "configured": True,
            "up": client.alive,
            "in_time": client.up,  # within the budget of those that wait for it
            "answered": client.answered,
            "failed": client.late,
            "budget_ms": client.budget_s * 1e3,
            "state": await client.state(),
        }
