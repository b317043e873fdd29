"""How much of everything so many requests a second need: python -m benchmarks.capacity

A model of sums over figures that were measured (benchmarks/results/overhead.md on one core; the
pulse by tests/shared on the same machine). Change the figures by their options to those of your
own machine and traffic. Streams cost by the token, everything else by the request.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, fields
from math import ceil


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured, and what is asked of the machines."""

    request_us: float = 115.0  # CPU of a request with cache and classification
    token_us: float = 28.0  # and of a streamed token
    tokens: float = 150.0  # of a streamed answer
    streamed: float = 0.7  # of the requests
    hits: float = 0.2  # answered by the cache: no tokens from a provider
    load: float = 0.6  # of a core that is planned for
    frame_bytes: float = 260.0  # of a token's event, each way
    stream_s: float = 6.0  # an answer lasts
    stream_kb: float = 12.0  # of memory an open stream holds
    process_mb: float = 110.0
    entry_kb: float = 4.0  # of an answer kept, and told to the others
    cell: int = 16  # processes that share one server
    rates: float = 20.0  # limits in use within one pulse
    pulse_us: float = 100.0  # of the server for a pulse
    rate_us: float = 6.6  # and for a limit in it,
    rate_node_us: float = 1.35  # more for every process that uses the limit too


@dataclass(frozen=True, slots=True)
class Plan:
    """For one rate. Cores of processes; servers of [shared]; Gbit/s in and out of the proxies."""

    per_s: float
    processes: int
    memory_gb: float
    open_streams: int
    gbit: float
    servers: int
    server_load: float
    server_mbit: float

    def row(self) -> str:
        return (
            f"| {self.per_s:,.0f} | {self.processes:,} | {self.memory_gb:,.1f} |"
            f" {self.open_streams:,} | {self.gbit:,.2f} | {self.servers:,} |"
            f" {self.server_load:.0%} | {self.server_mbit:,.1f} |"
        )


HEAD = (
    "| requests/s | processes (a core each) | memory GB | open streams | Gbit/s each way |"
    " Valkey servers | load of each | Mbit/s of each |\n|---|---|---|---|---|---|---|---|"
)


def plan(per_s: float, known: Figures) -> Plan:
    """What so many requests a second need."""
    streams = per_s * known.streamed * (1 - known.hits)
    cpu_us = per_s * known.request_us + streams * known.tokens * known.token_us
    processes = max(2, ceil(cpu_us / 1e6 / known.load))  # one may fail
    cells = ceil(processes / known.cell)
    each = ceil(processes / cells)
    pulses = each / max(0.025, each * 0.001)
    busy_us = pulses * (known.pulse_us + known.rates * (known.rate_us + each * known.rate_node_us))
    kept = per_s * (1 - known.hits) / cells
    said = kept * known.entry_kb * 1024 * (1 + each)  # once in, and out to every process
    held = streams * known.stream_s
    return Plan(
        per_s=per_s,
        processes=processes,
        memory_gb=(processes * known.process_mb + held * known.stream_kb / 1024) / 1024,
        open_streams=round(held),
        gbit=streams * known.tokens * known.frame_bytes * 8 / 1e9,
        servers=cells,
        server_load=busy_us / 1e6,
        server_mbit=(said + pulses * (230 + known.rates * 75)) * 8 / 1e6,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("rates", nargs="*", type=float, default=[1e3, 1e4, 1e5])
    for one in fields(Figures):
        default = one.default
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(default), default=default)
    asked = vars(parser.parse_args())
    rates = asked.pop("rates")
    lines = [HEAD, *(plan(rate, Figures(**asked)).row() for rate in rates)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
