"""Gateways in turns, round by round: each alone on its core, the load and the upstream beside."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.overhead import process, profile, results, rival, scenarios
from benchmarks.overhead.plan import Bench
from benchmarks.overhead.scenarios import Way

ALONE = ("crowd",)  # scenarios for a process of their own
TRIES = 2  # of a scenario: on a busy machine a gateway may have had to refuse some requests
SETTLE_SECONDS = 0.5  # after the start, before memory is read
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
    "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout {KEY} -out {CA}"
)


@dataclass(slots=True)
class Measured:
    """All rounds, who was skipped and why, the versions of the others, and how long each took."""

    rounds: list[dict[str, dict[str, float]]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    stages: dict[str, Counter[str]] = field(default_factory=dict)


def measure(bench: Bench) -> Measured:
    """Runs the plan, or as much of it as its time allows; one round is always whole."""
    found = Measured()
    until = time.monotonic() + bench.seconds
    with tempfile.TemporaryDirectory(prefix="overhead-") as scratch:
        work = Path(scratch)
        with _upstreams(bench, work) as words:
            if bench.load_cpu is not None:
                os.sched_setaffinity(0, {bench.load_cpu})
            for number in range(bench.rounds):
                round_ = _round(bench, found, words, work, number, until)
                if round_:
                    found.rounds.append(round_)
    return found


def _round(
    bench: Bench,
    found: Measured,
    words: Mapping[str, str],
    work: Path,
    number: int,
    until: float,
) -> dict[str, dict[str, float]]:
    """One turn of each. Later rounds leave out whom there is no time for: those named first are
    the last to be left out."""
    now = time.monotonic()
    chosen = []
    for each in bench.rivals:
        now += found.took.get(each.name, 0.0)
        if each.name not in found.skipped and (number == 0 or now < until):
            chosen.append(each)
    if not chosen:
        return {}
    shift = number % len(chosen)
    usual = [name for name in scenarios.SCENARIOS if name in bench.scenarios]
    one = {results.DIRECT: _figures(bench, Way(_url(words["UP"])), results.DIRECT, usual)}
    for each in chosen[shift:] + chosen[:shift]:
        begun = time.monotonic()
        try:
            one[each.name] = _through(bench, found, each, words, work / each.name, number)
        except (rival.Skipped, RuntimeError, OSError) as error:
            found.skipped[each.name] = str(error)
            sys.stderr.write(f"{each.name} skipped: {error}\n")
            continue
        found.took[each.name] = time.monotonic() - begun
        if each.name not in found.versions:
            home = bench.home / each.name
            found.versions[each.name] = rival.version(each, bench.search(each), home)
    ordered = [results.DIRECT, *(each.name for each in bench.rivals)]
    return {name: one[name] for name in ordered if name in one}


def _url(port: str) -> str:
    return f"http://127.0.0.1:{port}/v1/chat/completions"


def _through(
    bench: Bench,
    found: Measured,
    each: rival.Rival,
    words: Mapping[str, str],
    work: Path,
    number: int,
) -> dict[str, float]:
    """The figures of one turn. The crowd comes just once and to a process of its own: what it
    leaves behind would be in the others' figures, and theirs in its memory."""
    words = {**words, "HOME": str(bench.home / each.name)}
    extra = [name for name in each.extra if name in bench.scenarios and name not in ALONE]
    if not words["UP_TLS"].startswith("https"):
        extra = [name for name in extra if name != "tls"]
    usual = [name for name in scenarios.SCENARIOS if name in bench.scenarios]
    alone = [name for name in each.extra if name in ALONE and name in bench.scenarios]
    figures = _started(bench, found, each, words, work, [*usual, *extra])
    if number == 0:
        for name in alone:
            figures = _started(bench, found, each, words, work, [name]) | figures
    return figures


def _started(
    bench: Bench,
    found: Measured,
    each: rival.Rival,
    words: Mapping[str, str],
    work: Path,
    kinds: list[str],
) -> dict[str, float]:
    """Starts a gateway and takes it through some scenarios."""
    with rival.launched(
        each, work, search=bench.search(each), words=words, cpu=bench.gateway_cpu
    ) as gateway:
        time.sleep(SETTLE_SECONDS)
        headers = tuple(rival.fill(one, words) for one in each.headers)
        way = Way(
            gateway.url,
            each.model_prefix,
            headers,
            gateway.cpu,
            gateway.memory,
            each.prefixes,
            gateway.memory(),
        )
        figures = {"start_s": gateway.start_s, "idle_mb": gateway.idle() / 1e6}
        core = bench.gateway_cpu
        begun, own = time.monotonic(), gateway.cpu()
        busy = process.core_seconds(core) if core is not None else 0.0
        with contextlib.ExitStack() as stack:
            if bench.profile:
                out = work / "profile.raw"
                seen = stack.enter_context(profile.watched(gateway.pid, out))
                found.stages[each.name] = seen
            figures |= _figures(bench, way, each.name, kinds)
        if core is not None:
            others = process.core_seconds(core) - busy - (gateway.cpu() - own)
            figures["others_share"] = max(0.0, others / (time.monotonic() - begun))
        return figures


def _figures(bench: Bench, way: Way, name: str, kinds: list[str]) -> dict[str, float]:
    figures: dict[str, float] = {}
    known = scenarios.SCENARIOS | scenarios.EXTRA
    for kind in kinds:
        for _ in range(TRIES):
            try:
                figures |= known[kind](way, bench.sizes)
                break
            except RuntimeError as error:  # answers were wrong or missing: no figure from them
                sys.stderr.write(f"{name}: {kind} failed: {error}\n")
    shown = " ".join(f"{key}={value:.4g}" for key, value in figures.items())
    sys.stderr.write(f"{name}: {shown}\n")
    return figures


# ---- the upstreams -----------------------------------------------------------------------------


@contextlib.contextmanager
def _upstreams(bench: Bench, work: Path) -> Iterator[dict[str, str]]:
    """The scripted upstream on its core, and one behind TLS where openssl is there. Yields what
    the gateways' files call them."""
    with contextlib.ExitStack() as stack:
        plain = rival.free_port()
        stack.enter_context(_mock(bench, plain))
        words = {"UP": str(plain), "UP_TLS": f"http://127.0.0.1:{plain}", "CA": "/dev/null"}
        certificate, key = work / "upstream.pem", work / "upstream.key"
        if shutil.which("openssl"):
            command = rival.fill(_CERTIFICATE, {"KEY": str(key), "CA": str(certificate)})
            subprocess.run(command.split(), check=False, capture_output=True)
        if certificate.exists():
            sealed = rival.free_port()
            extra = ("--certificate", str(certificate), "--key", str(key))
            stack.enter_context(_mock(bench, sealed, *extra))
            words |= {"UP_TLS": f"https://127.0.0.1:{sealed}", "CA": str(certificate)}
        yield words


@contextlib.contextmanager
def _mock(bench: Bench, port: int, *extra: str) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks", "mock", "--port", str(port), *extra]
    if bench.upstream_cpu is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(bench.upstream_cpu), *command]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    process.hurry(child.pid)
    try:
        if child.stdout is None or not child.stdout.readline():
            raise OSError("the scripted upstream did not start")
        yield
    finally:
        rival.stop(child)
        if child.stdout is not None:
            child.stdout.close()
