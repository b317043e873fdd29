"""`firsttoken bench load`: one run, several processes, a comparison, or the search for a rate."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson

from benchmarks.load import compare, fleet, slo, table
from benchmarks.load.apis import Json
from benchmarks.load.plan import Load, Row, raise_file_limit
from benchmarks.load.progress import Progress
from benchmarks.load.settings import BadOption, Settings, read
from benchmarks.load.tally import Tally
from benchmarks.report import page

SEARCH_SECONDS = 5.0  # of each trial when searching for a rate
SEARCH_STEPS = 6  # bisections: the rate is found to about 2 %
SEARCH_MOST = 1_000_000.0
INTERRUPTED = 130  # as shells say it of SIGINT
_SEARCHED = (None, "constant", "poisson")


def run(args: argparse.Namespace) -> int:
    """0; 1 when nothing was answered; 2 for bad options; 3 when a promise of --slo broke."""
    try:
        _refuse_what_does_not_fit(args)
        settings = read(args)
        promises = slo.parse(args.slo) if args.slo else []
    except (BadOption, ValueError) as error:
        sys.stderr.write(f"firsttoken bench load: {error}\n")
        return 2
    raise_file_limit()
    try:
        if args.compare:
            return _compare(args, settings)
        if args.slo_search:
            return _search(args, settings, promises)
        return _single(args, settings, promises)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        why = error.strerror or str(error) or "no connection in time"
        sys.stderr.write(f"firsttoken bench load: {error.filename or settings.urls[0]}: {why}\n")
        return 1


def _refuse_what_does_not_fit(args: argparse.Namespace) -> None:
    """Raises BadOption for options that contradict each other, and for files that could not be
    written: better now than after an hour of load."""
    if args.slo_search and not args.slo:
        raise BadOption("--slo-search needs --slo")
    if args.slo_search and (args.ramp_to or args.trace or args.rate_type not in _SEARCHED):
        raise BadOption("--slo-search sets the rate itself: constant, or poisson")
    if args.compare:
        for name in ("csv", "slo", "slo_search"):
            if getattr(args, name):
                raise BadOption(f"--{name.replace('_', '-')} does not go with --compare")
    for name in ("json", "csv", "html"):
        if (file := getattr(args, name)) and (why := _unwritable(Path(file))):
            raise BadOption(f"--{name}: {file}: {why}")


def _unwritable(path: Path) -> str:
    """Why it cannot be written; empty where it can."""
    if path.is_dir():
        return "Is a directory"
    if not path.parent.is_dir():
        return "No such directory"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else "Permission denied"


def report(args: argparse.Namespace) -> int:
    """`firsttoken bench report`: any number of results on one page."""
    runs = []
    for name in args.results:
        try:
            data = orjson.loads(Path(name).read_bytes())
            for one in data if isinstance(data, list) else [data]:
                about = f"{one['url']} {one['model']} {one['when']}"
                runs.append(page.Named(one["name"], about, Tally.load(one["tally"])))
        except OSError as error:
            sys.stderr.write(f"firsttoken bench report: {name}: {error.strerror}\n")
            return 2
        except (ValueError, KeyError, TypeError, IndexError):
            sys.stderr.write(f"firsttoken bench report: {name} is no result of bench load\n")
            return 2
    if not runs:
        sys.stderr.write(f"firsttoken bench report: {', '.join(args.results)}: no runs\n")
        return 2
    if why := _unwritable(Path(args.html)):
        sys.stderr.write(f"firsttoken bench report: {args.html}: {why}\n")
        return 2
    Path(args.html).write_text(page.page(runs, args.title))
    sys.stdout.write(f"wrote {args.html}\n")
    return 0


# ---- one run -----------------------------------------------------------------------------------


def _single(args: argparse.Namespace, settings: Settings, promises: list[slo.Slo]) -> int:
    progress = Progress(quiet=args.quiet)
    done = fleet.execute(settings, settings.urls[0], settings.load, progress, rows=bool(args.csv))
    progress.end()
    tally = done.tally
    cost = (args.price[0], args.price[1]) if args.price else None
    sys.stdout.write(table.table(tally, _title(settings, settings.urls[0]), cost))
    _write(args, settings, [(settings.urls[0], tally)], done.rows)
    if done.interrupted:
        sys.stdout.write("ended early: these are the answers until then\n")
        return INTERRUPTED
    sys.stdout.writelines(f"slo {one.verdict(tally)}\n" for one in promises)
    if not all(one.holds(tally) for one in promises):
        return 3
    return 0 if tally.ok else 1


# ---- comparing ---------------------------------------------------------------------------------


def _compare(args: argparse.Namespace, settings: Settings) -> int:
    rounds = max(2, args.rounds)
    load = settings.load
    if load.seconds:
        load = replace(load, seconds=load.seconds / rounds / 2)
    if load.count:
        load = replace(load, count=max(1, load.count // rounds // 2))
    urls = dict(zip("AB", settings.urls, strict=True))
    sides = _turns(settings, urls, load, rounds, Progress(quiet=args.quiet))
    whole_rounds = min(len(one) for one in sides.values())
    sides = {side: tallies[:whole_rounds] for side, tallies in sides.items()}
    if not whole_rounds:
        sys.stdout.write("ended early: no round was complete\n")
        return INTERRUPTED
    found = compare.ratios(sides["A"], sides["B"], args.seed)
    sys.stdout.write(table.ratio_table(urls["A"], urls["B"], found))
    failed = 0
    tallies = []
    for side in "AB":
        whole = compare.merged(sides[side])
        tallies.append((urls[side], whole))
        failed += whole.failed
        if whole.failed:
            sys.stdout.write(f"{side}: {whole.failed} errors {dict(whole.errors)}\n")
        sys.stdout.writelines(f"warning: {side}: {one}\n" for one in whole.warnings())
    _write(args, settings, tallies, [], found)
    if whole_rounds < rounds:
        sys.stdout.write(f"ended early: these are {whole_rounds} of {rounds} rounds\n")
        return INTERRUPTED
    return 0 if found and not failed else 1


def _turns(
    settings: Settings, urls: dict[str, str], load: Load, rounds: int, progress: Progress
) -> dict[str, list[Tally]]:
    """What each side did, turn by turn, until the last one or Ctrl-C."""
    sides: dict[str, list[Tally]] = {"A": [], "B": []}
    with contextlib.suppress(KeyboardInterrupt):  # between two turns
        for number, side in enumerate(compare.order(rounds)):
            progress.label = f"{side} {number // 2 + 1}/{rounds} "
            try:
                done = fleet.execute(settings, urls[side], load, progress)
            except OSError as error:
                error.filename = error.filename or urls[side]  # which of the two
                raise
            if done.interrupted:
                break
            sides[side].append(done.tally)
    progress.end()
    return sides


# ---- searching ---------------------------------------------------------------------------------


def _search(args: argparse.Namespace, settings: Settings, promises: list[slo.Slo]) -> int:
    """Doubles the rate until a promise breaks, then halves the interval. Files get the trial of
    the highest rate that holds."""
    kept: list[fleet.Done] = []
    rows = bool(args.csv)
    seconds, progress = args.duration or SEARCH_SECONDS, Progress(quiet=args.quiet)
    trial = partial(_trial, settings, promises, seconds, kept, progress, rows=rows)
    rate = args.rate or 1.0
    if not trial(rate):
        sys.stdout.write(f"no rate found: {rate:g} requests/s already misses\n")
        return 3
    good, bad = rate, rate * 2
    while bad <= SEARCH_MOST and trial(bad):
        good, bad = bad, bad * 2
    for _ in range(SEARCH_STEPS):
        middle = (good * bad) ** 0.5
        if trial(middle):
            good = middle
        else:
            bad = middle
    (best,) = kept
    _write(args, settings, [(settings.urls[0], best.tally)], best.rows)
    sys.stdout.write(f"highest rate that keeps {args.slo!r}: {good:.4g} requests/s\n")
    return 0


def _trial(
    settings: Settings,
    promises: list[slo.Slo],
    seconds: float,
    kept: list[fleet.Done],
    progress: Progress,
    rate: float,
    *,
    rows: bool,
) -> bool:
    """Whether all is kept at this rate: then it is what is `kept`. A client at its limit has
    not shown that it is."""
    progress.label = f"{rate:.4g}/s "
    load = settings.at_rate(rate, seconds)
    done = fleet.execute(settings, settings.urls[0], load, progress, rows=rows)
    progress.end()
    if done.interrupted:
        raise KeyboardInterrupt
    tally = done.tally
    verdicts = "; ".join(one.verdict(tally).strip() for one in promises)
    held = all(one.holds(tally) for one in promises)
    doubt = "; but the client had no CPU to spare: use --processes" if tally.overloaded else ""
    if not held and not doubt:
        doubt = "".join(f"; but {one}" for one in tally.warnings()[:1])
    sys.stdout.write(f"{rate:10.4g} requests/s: {verdicts}{doubt}\n")
    sys.stdout.flush()
    if held and not tally.overloaded:
        kept[:] = [done]
        return True
    return False


# ---- files -------------------------------------------------------------------------------------


def _title(settings: Settings, url: str) -> str:
    mode = "streamed" if settings.stream else "not streamed"
    return f"{url}  {settings.model}  {settings.api.name}, {mode}"


def _write(
    args: argparse.Namespace,
    settings: Settings,
    tallies: list[tuple[str, Tally]],
    rows: list[Row],
    ratios: list[compare.Ratio] | None = None,
) -> None:
    named = [
        page.Named(args.name if args.name and len(tallies) == 1 else url, settings.model, tally)
        for url, tally in tallies
    ]
    if args.json:
        results = [
            result(settings, url, one.name, tally)
            for (url, tally), one in zip(tallies, named, strict=True)
        ]
        value: object = results[0] if len(results) == 1 else results
        Path(args.json).write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    if args.csv:
        Path(args.csv).write_text(table.csv_rows(rows))
    if args.html:
        Path(args.html).write_text(page.page(named, "Load test", ratios or ()))


def result(settings: Settings, url: str, name: str, tally: Tally) -> Json:
    """A run as it is written to a file."""
    return {
        "tool": "firsttoken bench load",
        "name": name,
        "url": url,
        "model": settings.model,
        "api": settings.api.name,
        "stream": settings.stream,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "concurrency": settings.load.concurrency,
        "open_loop": settings.load.arrivals is not None,
        "tally": tally.dump(),
    }
