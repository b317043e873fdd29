"""From the command line to a load: reads files, refuses what makes no sense."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import orjson

from benchmarks.load import arrivals, prompts
from benchmarks.load.apis import APIS, Api, Json
from benchmarks.load.plan import Load
from benchmarks.load.run import Run
from benchmarks.load.target import Target, jobs, marked, target

OPEN_CONCURRENCY = 10_000
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

    def target(self, url: str) -> Target:
        return target(url, self.api, self.headers, verify=self.verify)

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
        """The same load at another constant rate."""
        times = partial(arrivals.constant, rate)
        return replace(self.load, arrivals=times, seconds=seconds, count=None)


def read(args: argparse.Namespace) -> Settings:
    """Raises BadOption with a line for the user."""
    url = args.url_option or args.url
    urls = tuple(args.compare) if args.compare else (url,) if url else ()
    if not urls:
        raise BadOption("which URL? give one, or --compare URL_A URL_B")
    api = APIS[args.api]
    headers = [*args.header]
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
    )
    for one in urls:
        try:
            settings.target(one)
        except ValueError as error:
            raise BadOption(str(error)) from error
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


def _extra(text: str | None) -> Json:
    if not text:
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadOption(f"--extra-body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadOption("--extra-body must be a JSON object")
    return value


def _prompts(args: argparse.Namespace) -> list[prompts.Prompt]:
    if args.prompts:
        try:
            return prompts.read(Path(args.prompts), args.output_tokens)
        except OSError as error:
            raise BadOption(f"--prompts: {args.prompts}: {error.strerror}") from error
        except ValueError as error:
            raise BadOption(f"--prompts: {error}") from error
    if args.input_tokens:
        count = args.count or 1000
        spread = min(1.0, max(0.0, args.input_spread))
        return prompts.sized(count, args.input_tokens, spread, args.output_tokens, args.seed)
    return [replace(one, output_tokens=args.output_tokens) for one in prompts.varied()]


def _load(args: argparse.Namespace) -> Load:
    seconds = args.duration
    if args.count is None and seconds is None:
        seconds = DEFAULT_SECONDS
    if (args.count is not None and args.count < 1) or (seconds is not None and seconds <= 0):
        raise BadOption("--count and --duration must be positive")
    opened = _is_open(args)
    concurrency = args.concurrency or (OPEN_CONCURRENCY if opened else 1)
    if concurrency < 1:
        raise BadOption("--concurrency must be at least 1")
    load = Load(
        concurrency=concurrency,
        count=args.count,
        seconds=seconds,
        warmup=args.warmup,
        preconnect=args.preconnect,
        request_seconds=args.timeout,
        unique=args.unique,
        check_done=args.check,
    )
    return replace(load, arrivals=_arrivals(args, seconds)) if opened else load


def _is_open(args: argparse.Namespace) -> bool:
    kind = args.rate_type
    if kind == "concurrent":
        return False
    return bool(args.rate or kind or args.trace or args.ramp_to)


def _arrivals(args: argparse.Namespace, seconds: float | None) -> partial[Iterator[float]]:
    kind = args.rate_type
    if kind == "trace" or args.trace:
        if not args.trace:
            raise BadOption("--rate-type trace needs --trace FILE")
        try:
            arrivals.trace(Path(args.trace))
        except OSError as error:
            raise BadOption(f"--trace: {args.trace}: {error.strerror}") from error
        except (ValueError, KeyError) as error:
            raise BadOption(f"--trace: {error}") from error
        return partial(arrivals.trace, Path(args.trace))
    if kind == "ramp" or args.ramp_to:
        last = args.ramp_to or args.rate
        if not last or last <= 0 or args.ramp_from <= 0 or not seconds:
            raise BadOption("a ramp needs --ramp-to (or --rate) above 0 and --duration")
        return partial(arrivals.ramp, args.ramp_from, last, seconds)
    if not args.rate or args.rate <= 0:
        raise BadOption(f"--rate-type {kind} needs --rate above 0")
    if kind == "poisson" or args.burstiness != 1.0:
        if args.burstiness <= 0:
            raise BadOption("--burstiness must be above 0")
        return partial(_poisson, args.rate, args.seed, args.burstiness)
    return partial(arrivals.constant, args.rate)


def _poisson(rate: float, seed: int, burstiness: float) -> Iterator[float]:
    return arrivals.poisson(rate, Random(seed), burstiness)
