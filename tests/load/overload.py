"""Four times what the proxy can do, by hand: python -m tests.load.overload [--seconds 60]

Finds the most answers a second that come whole, asking for more and more, then asks for four times
as many, and tells what part of the peak is left, how long refusals take, and what happens to
memory. All loops are open: nobody waits for an answer before the next is asked for. The peak is
sought again afterwards, and the higher one counts: a machine whose speed others decide would
flatter else. How much CPU others took is told: a run in which it was a tenth of one says little.
With two CPUs or more the proxy has one for itself, and all else shares another. Where nginx is
installed, it is measured too, afterwards and in the same way: how fast its refusals (limit_conn)
come there is what this machine allows.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import orjson

from tests.load.flood import Order, Told, flood, place, read, start
from tests.load.house import Process, free_port, house, listening

MODEL = "mock-t64-f100-i20"  # a short answer of a language model, token by token
FIRST_PER_S = 50.0  # answers, to learn what one costs
STEP = 1.12  # from one number of answers a second to the next,
FIRST_STEP = 0.8  # beginning with this part of what they cost then
MISSED = 0.95  # or less of what was asked for came: it was too much
TIMES = 4
PROBES = 50.0  # a second, by a process that does nothing else,
REST_S = 15.0  # after which nothing is left of an overload
SETTLED_S = 3.0  # later it counts: first thousands of connections open, and the limit is found
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 20000; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  limit_conn_zone $server_port zone=all:1m; limit_conn_status 503; limit_conn_log_level info;
  keepalive_requests 1000000;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ limit_conn all {most}; proxy_pass http://mock; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


def body(model: str) -> str:
    """A request for one answer of this model."""
    messages = [{"role": "user", "content": "hi"}]
    return orjson.dumps({"model": model, "messages": messages, "stream": True}).decode()


@dataclass(frozen=True, slots=True)
class Found:
    """peak: whole answers a second. told: of the flood; probes: of those who only ask now and
    then, milliseconds. rss: bytes, once a second. cpu: seconds of it, a second; foreign: likewise,
    of all that is no part of this."""

    name: str
    peak: float
    told: Told
    probes: list[float]
    rss: list[int]
    cpu: float
    foreign: float

    def line(self) -> str:
        kept, outcomes = self.told.whole_per_s, self.told.outcomes
        p50, p99 = (_at(self.probes, share) for share in (0.5, 0.99))
        sent = sum(outcomes.values()) / self.told.seconds
        return (
            f"{self.name}: peak {self.peak:.0f}/s; of {sent:.0f}/s sent {kept:.0f}/s answered whole"
            f" ({kept / self.peak:.1%} of the peak); {outcomes}; refusals p50"
            f" {_at(self.told.refusals_ms, 0.5):.1f} ms, p99 {_at(self.told.refusals_ms, 0.99):.1f}"
            f" as the flood saw them, p50 {p50:.1f} ms, p99 {p99:.1f} as {len(self.probes)} probes"
            f" did; {self.cpu:.0%} of a CPU, {self.foreign:.0%} by others; RSS"
            f" {self.rss[0] >> 20} MiB at first, {max(self.rss) >> 20} at most,"
            f" {self.rss[-1] >> 20} at last"
        )


def _at(values: list[float], share: float) -> float:
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


@dataclass(frozen=True, slots=True)
class Places:
    """CPUs: the proxy's, and everybody else's."""

    own: tuple[int, ...]
    others: tuple[int, ...]

    @classmethod
    def here(cls) -> Places:
        cpus = sorted(os.sched_getaffinity(0))
        return cls((cpus[0],), tuple(cpus[1:])) if len(cpus) > 1 else cls((), ())


@contextmanager
def nginx(upstream: int, most: int) -> Iterator[Process]:
    """The same refusals by nginx. most: answers at once."""
    with TemporaryDirectory() as folder:
        port = free_port()
        file = Path(folder) / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, upstream=upstream, port=port, most=most))
        process = subprocess.Popen(["nginx", "-c", str(file), "-p", folder, "-e", "/dev/null"])
        try:
            listening(process, port)
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield Process(process, port, worker=int(workers[0]))
        finally:
            process.terminate()
            process.wait(30)


def watch(proxy: Process, is_over: Callable[[], bool]) -> list[int]:
    rss = []
    while not is_over():
        rss.append(proxy.rss_bytes())
        time.sleep(1.0)
    return rss


def foreign_s(ours: tuple[Process, ...]) -> float:
    """CPU seconds that this machine used so far, but for these and what this process started and
    saw end."""
    line = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _wait, *rest = (int(word) for word in line.split()[1:9])
    all_s = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
    return all_s - sum(one.cpu_s() for one in ours) - sum(os.times()[:4])


def takes_s(port: int, order: Order) -> float:
    """How long one answer takes, when there is no other."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    began = time.monotonic()
    client.request("POST", "/v1/chat/completions", order.body, {"content-type": "application/json"})
    client.getresponse().read()
    client.close()
    return time.monotonic() - began


def peak(proxy: Process, base: Order, each: float) -> float:
    """The most that come whole a second."""
    base = replace(base, seconds=base.since_s + each)
    cpu, few = proxy.cpu_s(), flood(replace(base, rate=FIRST_PER_S))
    rate = FIRST_STEP * FIRST_PER_S * base.seconds / (proxy.cpu_s() - cpu)
    best, asked = few.whole_per_s, 0.0
    while best >= MISSED * asked:
        told = flood(replace(base, rate=rate))
        print(f"  {rate:.0f}/s: {told.whole_per_s:.0f}/s {told.outcomes}", file=sys.stderr)
        best, asked, rate = max(best, told.whole_per_s), rate, rate * STEP
        time.sleep(SETTLED_S)
    return best


def overload(name: str, proxy: Process, base: Order, highest: float, behind: Process) -> Found:
    """Four times the peak, and what those see that ask now and then."""
    probe = replace(base, rate=PROBES, since_s=0.0, most_open=50, priority=-10)
    with ExitStack() as stack:
        out, seen = (stack.enter_context(NamedTemporaryFile(suffix=".json")) for _ in range(2))
        cpu, others = proxy.cpu_s(), foreign_s((proxy, behind))
        running = start(replace(base, rate=TIMES * highest), out.name)
        time.sleep(base.since_s)
        probing = start(replace(probe, seconds=base.seconds - base.since_s - 1.0), seen.name)
        rss = watch(proxy, lambda: running.poll() is not None)
        probing.wait()
        told, probes = read(out.name), read(seen.name)
        used = (proxy.cpu_s() - cpu) / base.seconds
        taken = (foreign_s((proxy, behind)) - others) / base.seconds
    time.sleep(2.0)
    rss.append(proxy.rss_bytes())
    return Found(name, highest, told, probes.refusals_ms, rss, used, taken)


def measure(model: str, seconds: float, each: float) -> list[Found]:
    """each: seconds for every step towards the peak."""
    places, found = Places.here(), []
    with house() as proxy:
        assert proxy.upstream is not None
        place(places.others, 0, proxy.upstream.process.pid)
        place(places.own, 0, proxy.process.pid)
        base = Order(proxy.port, body(model), 0.0, 0.0, cpus=places.others)
        one_s = takes_s(proxy.upstream.port, base)
        base = replace(base, since_s=SETTLED_S + one_s, seconds=SETTLED_S + one_s + seconds)
        highest = peak(proxy, base, each)
        time.sleep(REST_S)
        first = overload("firsttoken", proxy, base, highest, proxy.upstream)
        time.sleep(REST_S)
        found.append(replace(first, peak=max(highest, peak(proxy, base, each))))
        if shutil.which("nginx") is not None:
            with nginx(proxy.upstream.port, int(highest * one_s)) as floor:
                place(places.own, 0, floor.pid)
                order = replace(base, port=floor.port)
                found.append(overload("nginx", floor, order, highest, proxy.upstream))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.overload", description=__doc__)
    parser.add_argument("--model", default=MODEL, help=f"of the scripted provider ({MODEL})")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--each", type=float, default=6.0)
    asked = parser.parse_args()
    for one in measure(asked.model, asked.seconds, asked.each):
        print(one.line())


if __name__ == "__main__":
    main()
