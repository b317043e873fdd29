"""What `bench overhead` is to measure: from the command line to a plan."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.overhead import programs, results, rival, scenarios
from benchmarks.overhead.scenarios import Sizes

ALL = "all"


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured how."""

    rivals: tuple[rival.Rival, ...]
    floor: str
    rounds: int
    seconds: float  # after which nothing more is begun
    sizes: Sizes
    scenarios: tuple[str, ...]
    home: Path
    path: str
    gateway_cpu: int | None
    load_cpu: int | None
    upstream_cpu: int | None
    limits: dict[str, float]
    priority: int  # nice, where allowed
    profile: bool  # looks into the gateways, which costs them time

    def search(self, one: rival.Rival) -> str:
        return programs.search(one, self.home, self.path)


def read(args: argparse.Namespace) -> Bench:
    """Raises ValueError with a line for the user."""
    cpus = _cpus(args.cpus)
    environ = os.environ  # noqa: TID251 - where programs are found, for the processes it starts
    sizes = scenarios.QUICK if args.quick else Sizes()
    if args.streams is not None:
        sizes = replace(sizes, streams=args.streams)
    if args.seconds is not None:
        sizes = replace(sizes, seconds=args.seconds)
    if sizes.streams < 1 or sizes.seconds <= 0 or args.rounds < 1 or args.minutes <= 0:
        raise ValueError("--streams, --seconds, --rounds and --minutes must be positive")
    return Bench(
        rivals=_rivals(args.peers),
        floor=args.floor,
        rounds=args.rounds,
        seconds=args.minutes * 60,
        sizes=sizes,
        scenarios=_scenarios(args.scenarios),
        home=programs.home(args.home, environ),
        path=os.pathsep.join([*args.path, environ.get("PATH", os.defpath), "/usr/sbin"]),
        gateway_cpu=cpus[0],
        load_cpu=cpus[1],
        upstream_cpu=cpus[2],
        limits=_limits(args.limit),
        priority=args.priority,
        profile=args.profile,
    )


def _rivals(names: list[str] | None) -> tuple[rival.Rival, ...]:
    files = rival.known()
    found = []
    wanted = list(names or rival.FIRST)
    if ALL in wanted:
        wanted = [*rival.FIRST, *(name for name in files if name not in rival.FIRST)]
    for name in wanted:
        path = files.get(name, Path(name))
        if not path.is_file():
            raise ValueError(f"no peer {name!r}; known are {', '.join(files)}, or a TOML file")
        found.append(rival.read(path))
    return tuple(found)


def _scenarios(names: list[str] | None) -> tuple[str, ...]:
    known = [*scenarios.SCENARIOS, *scenarios.EXTRA]
    for name in names or ():
        if name not in known:
            raise ValueError(f"no scenario {name!r}; known are {', '.join(known)}")
    return tuple(name for name in known if not names or name in names)


def _limits(texts: list[str]) -> dict[str, float]:
    limits = {}
    for text in texts:
        figure, _, value = text.partition("=")
        try:
            limits[figure] = float(value)
        except ValueError:
            raise ValueError(f"--limit {text!r} is not FIGURE=RATIO") from None
        if figure not in results.FIGURES:
            raise ValueError(f"--limit {text!r}; figures are {', '.join(results.FIGURES)}")
    return limits


def _cpus(text: str | None) -> tuple[int | None, int | None, int | None]:
    """Cores of the gateway, the load and the upstream; None where there is just one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None, None, None
    if text is None:
        return cores[0], cores[1], cores[1]
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--cpus {text!r} is not numbers such as 0,1") from None
    wrong = [one for one in numbers if one not in cores]
    if wrong:
        raise ValueError(f"--cpus {text!r}: there is no core {wrong[0]}")
    if len(numbers) == 1:
        return numbers[0], None, None
    return numbers[0], numbers[1], numbers[-1]
