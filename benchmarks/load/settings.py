"""From the command line to a load: reads files, refuses what makes no sense."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from random import Random

import orjson

from benchmarks.load import arrivals, options, prompts, slo
from benchmarks.load.apis import APIS, Api, Json
from benchmarks.load.plan import Load
from benchmarks.load.run import Run
from benchmarks.load.target import Target, jobs, marked, target

OPEN_CONCURRENCY = 10_000
THROUGHPUT_CONCURRENCY = 256  # of a closed loop that shall do as much as it can
DEFAULT_SECONDS = 10.0


class BadOption(Exception):
    """An option that cannot be; its text is the user's message."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs but its loop."""

    urls: tuple[str, ...]
    api: Api
    model: str
    stream: bool
    headers: tuple[str, ...]
    verify: bool
    check: bool
    prompts: tuple[prompts.Prompt, ...]
    extra: Json
    load: Load
    endpoint: str = ""  # path instead of the format's
    processes: int = 1
    burstiness: float | None = None  # of random arrivals; None: evenly spaced
    seed: int = 0

    def target(self, url: str) -> Target:
        return target(url, self.api, self.headers, verify=self.verify, endpoint=self.endpoint)

    def run(self, url: str, load: Load | None = None) -> Run:
        """A run against one of the URLs, ready to execute."""
        where = self.target(url)
        load = load or self.load
        asked = [marked(p) for p in self.prompts] if load.unique else self.prompts
        made = jobs(
            where,
            self.api,
            self.model,
            asked,
            stream=self.stream,
            extra=self.extra,
            check_text=self.check,
        )
        return Run(load, where, self.api, made, stream=self.stream)

    def at_rate(self, rate: float, seconds: float) -> Load:
        """The same load at another rate, its arrivals as even or as random."""
        times = partial(arrivals.constant, rate)
        if self.burstiness is not None:
            times = partial(_poisson, rate, self.seed, self.burstiness)
        return replace(self.load, arrivals=times, seconds=seconds, count=None)


def read(args: argparse.Namespace) -> Settings:
    """Raises BadOption with a line for the user."""
    url = args.url_option or args.url
    urls = tuple(args.compare) if args.compare else (url,) if url else ()
    if not urls:
        raise BadOption("which URL? give one, or --compare URL_A URL_B")
    api = APIS[options.APIS[args.api]]
    headers = [_field(text) for text in args.header]
    if args.api_key:
        name = "x-api-key: " if api.name == "messages" else "Authorization: Bearer "
        headers.append(name + secret(args.api_key))
    settings = Settings(
        urls=urls,
        api=api,
        model=args.model,
        stream=args.stream,
        headers=tuple(headers),
        verify=not args.insecure,
        check=args.check,
        prompts=tuple(_prompts(args)),
        extra=_extra(args.extra_body),
        load=_load(args),
        endpoint=args.endpoint or "",
        processes=args.processes,
        burstiness=args.burstiness if _is_random(args) else None,
        seed=args.seed,
    )
    for one in urls:
        try:
            settings.target(one)
        except ValueError as error:
            raise BadOption(str(error)) from error
    try:
        replace(settings, prompts=settings.prompts[:1]).run(urls[0])
    except (TypeError, UnicodeError) as error:
        raise BadOption("the model, headers and --extra-body must be UTF-8") from error
    return settings


def secret(text: str) -> str:
    """The value of env:NAME or file:PATH; keys do not belong on a command line."""
    kind, _, name = text.partition(":")
    if kind == "env":
        value = os.environ.get(name)  # noqa: TID251 - named by the user for this process
        if not value:
            raise BadOption(f"--api-key: the environment has no {name}")
        return value
    if kind == "file":
        try:
            return Path(name).read_text().strip()
        except OSError as error:
            raise BadOption(f"--api-key: {name}: {error.strerror}") from error
    raise BadOption("--api-key takes env:NAME or file:PATH, not the key itself")


def _field(text: str) -> str:
    """A header as curl takes it, or as vLLM's benchmark does."""
    name, sign, value = text.partition("=")
    return f"{name}: {value}" if sign and ":" not in name else text


def _extra(texts: Sequence[str]) -> Json:
    """The objects of --extra-body as one; name:value stands for {"name": value}."""
    whole: Json = {}
    for text in texts:
        name, sign, rest = text.partition(":")
        if sign and not text.lstrip().startswith("{"):
            whole[name.strip()] = _value(rest.strip())
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise BadOption(f"--extra-body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise BadOption("--extra-body must be a JSON object")
        whole |= value
    return whole


def _value(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _prompts(args: argparse.Namespace) -> list[prompts.Prompt]:
    size, output = args.input_tokens, args.output_tokens
    for name, value in (("--input-tokens", size), ("--output-tokens", output)):
        if value is not None and value < 1:
            raise BadOption(f"{name} must be positive")
    if args.prompts and (lengths := prompts.lengths(args.prompts)) is not None:
        size, output = lengths[0], output or lengths[1]
    elif args.prompts:
        try:
            return prompts.read(Path(args.prompts), output)
        except OSError as error:
            raise BadOption(f"--prompts: {args.prompts}: {error.strerror}") from error
        except ValueError as error:
            raise BadOption(f"--prompts: {error}") from error
    if size:
        count = args.count or 1000
        spread = min(1.0, max(0.0, args.input_spread))
        return prompts.sized(count, size, spread, output, args.seed)
    return [replace(one, output_tokens=output) for one in prompts.varied()]


def _load(args: argparse.Namespace) -> Load:
    seconds = args.duration
    if args.count is None and seconds is None:
        seconds = DEFAULT_SECONDS
    for name in ("count", "duration", "concurrency", "processes", "timeout", "rounds"):
        if (value := getattr(args, name)) is not None and value <= 0:
            raise BadOption(f"--{name} must be positive")
        if value is not None and value != value:  # noqa: PLR0124 - nan
            raise BadOption(f"--{name} must be a number")
    for name in ("warmup", "preconnect"):
        if getattr(args, name) < 0:
            raise BadOption(f"--{name} must not be negative")
    try:
        goodput = slo.bounds(args.goodput)
    except ValueError as error:
        raise BadOption(f"--goodput: {error}") from error
    opened = _is_open(args)
    load = Load(
        concurrency=args.concurrency or (OPEN_CONCURRENCY if opened else _closed(args)),
        count=args.count,
        seconds=seconds,
        warmup=args.warmup,
        preconnect=args.preconnect,
        request_seconds=args.timeout,
        unique=args.unique,
        check_done=args.check,
        goodput=goodput,
    )
    return replace(load, arrivals=_arrivals(args, seconds)) if opened else load


def _closed(args: argparse.Namespace) -> int:
    """Connections of a closed loop where none are named: one, or all that there is to do."""
    if args.rate_type == "concurrent" and args.rate and isfinite(args.rate):
        return max(1, int(args.rate))  # as guidellm says it
    if args.rate_type == "throughput" or args.rate == float("inf"):
        return min(OPEN_CONCURRENCY, args.count or THROUGHPUT_CONCURRENCY)
    return 1


def _is_open(args: argparse.Namespace) -> bool:
    kind = args.rate_type
    if kind in ("concurrent", "synchronous", "throughput") or args.rate == float("inf"):
        return False
    return bool(args.rate is not None or kind or args.trace or args.ramp_to)


def _is_random(args: argparse.Namespace) -> bool:
    return bool(args.rate_type == "poisson" or args.burstiness != 1.0)


def _arrivals(args: argparse.Namespace, seconds: float | None) -> partial[Iterator[float]]:
    kind = args.rate_type
    if kind == "trace" or args.trace:
        if not args.trace:
            raise BadOption("--rate-type trace needs --trace FILE")
        try:
            arrivals.trace(Path(args.trace))
        except OSError as error:
            raise BadOption(f"--trace: {args.trace}: {error.strerror}") from error
        except ValueError as error:
            raise BadOption(f"--trace: {error}") from error
        return partial(arrivals.trace, Path(args.trace))
    if kind == "ramp" or args.ramp_to:
        last, length = args.ramp_to or args.rate or 0.0, seconds or 0.0
        if not all(0 < one < float("inf") for one in (last, args.ramp_from, length)):
            raise BadOption("a ramp needs --ramp-to (or --rate) above 0 and --duration")
        return partial(arrivals.ramp, args.ramp_from, last, length)
    if not args.rate or not args.rate > 0:
        raise BadOption(f"--rate-type {kind or 'constant'} needs --rate above 0")
    if _is_random(args):
        if not 0 < args.burstiness < float("inf"):
            raise BadOption("--burstiness must be above 0")
        return partial(_poisson, args.rate, args.seed, args.burstiness)
    return partial(arrivals.constant, args.rate)


def _poisson(rate: float, seed: int, burstiness: float) -> Iterator[float]:
    return arrivals.poisson(rate, Random(seed), burstiness)
