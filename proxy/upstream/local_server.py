"""The embedded model's process: llama.cpp's server, as long as the proxy that started it lives.

Protocol with the parent (proxy.upstream.local): the first line on stdin is the API key; the one
line on stdout is the address it serves on; the end of stdin, however the parent died, ends it.
Whatever the library prints goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Protocol

# Slots share a decode: a long prompt stops the other streams for one batch, and a client that left
# is noticed between two. 128 tokens are below a second on one core, and as fast as 2048.
BATCH_TOKENS = 128
# cpp-httplib holds a thread for each connection, idle ones too (5 s); with the default of six, the
# proxy's warm connections starve the next request for ten seconds.
HTTP_THREADS = 64
# Where the request names none: a small model may go in circles until its context is full, and
# whoever asked for the whole answer at once would wait for minutes.
ANSWER_TOKENS = 1024
# Of what was said within the last 64 tokens: at temperature 0 most circles begin without it.
REPEAT_PENALTY = 1.1
# Below the proxy's own priority: on a small machine tokens wait for requests, not the reverse.
NICENESS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until stdin ends, then exits; 1 with a line on stderr where the model cannot start."""
    options = _parser().parse_args(argv)
    report = _own_stdout()
    _outlive_signals()
    key = _first_line(0)
    try:
        server = _serve(options, key)
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        os.write(2, f"{options.model}: {error}\n".encode())
        return 1
    with contextlib.suppress(BrokenPipeError):  # the parent is gone: stdin says so next
        os.write(report, f"{server.listening_address.removeprefix('http://')}\n".encode())
    while os.read(0, 4096):
        pass
    os._exit(0)  # the library's destructors would wait for streams that nobody reads


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_server", description=__doc__)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the model's id in answers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--context", type=int, default=4096, help="tokens of one request")
    parser.add_argument("--parallel", type=int, default=2, help="requests answered at a time")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def _own_stdout() -> int:
    """The descriptor of the real stdout; what others write to stdout is stderr from now on."""
    report = os.dup(1)
    os.dup2(2, 1)
    return report


def _outlive_signals() -> None:
    """Ctrl-C and a service manager signal every process; the proxy drains, and ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _first_line(descriptor: int) -> str:
    """Read byte by byte: what follows the line must stay unread. Empty where stdin ends first."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode("ascii", "replace")


class Server(Protocol):
    """llama.cpp's server; it stops when the object goes."""

    @property
    def listening_address(self) -> str: ...


def _serve(options: argparse.Namespace, key: str) -> Server:
    """Loads the model and serves it. Returns once it answers."""
    import xllamacpp  # noqa: PLC0415 - 100 MB of library: only this process loads it

    os.nice(NICENESS)
    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.alias}
    params.hostnames = [options.host]
    params.port = options.port
    if key:
        params.api_keys = [key]
    params.n_ctx = options.context * options.parallel  # llama.cpp divides it among the slots
    params.n_parallel = options.parallel
    params.n_predict = ANSWER_TOKENS
    params.sampling.penalty_repeat = REPEAT_PENALTY
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.n_threads_http = max(HTTP_THREADS, 4 * options.parallel)
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.use_jinja = True
    params.cache_ram_mib = 0  # the proxy has a cache of its own; this one may take 8 GiB
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = 0
    server: Server = xllamacpp.Server(params)
    return server


if __name__ == "__main__":
    sys.exit(main())
