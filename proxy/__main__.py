"""The command line: firsttoken serve, check, classify, cache, embedder, mock, bench."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from proxy import config, remote
from proxy.parser import Parser
from proxy.schema import DEVICE

_EXAMPLES = """\
examples:
  firsttoken serve                          # keys from the environment or .env, else a local model
  firsttoken serve --config firsttoken.toml --port 8080
  firsttoken check                          # is the configuration right?
  firsttoken classify "Write a haiku about rain"
"""
_RAW = argparse.RawDescriptionHelpFormatter


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    args = _parser(arguments).parse_args(arguments)
    try:
        return int(args.func(args))
    except config.ConfigError as error:
        for line in error.errors:
            print(f"firsttoken: {line}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


class _Version(argparse.Action):
    """Looked up only when it is asked for: a checkout that is not installed serves as well."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        try:
            parser.exit(message=f"firsttoken {version('firsttoken')}\n")
        except PackageNotFoundError:
            parser.exit(message="firsttoken, not installed\n")


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = Parser(
        prog="firsttoken",
        description="A streaming reverse proxy for LLM APIs.",
        epilog=_EXAMPLES,
        formatter_class=_RAW,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="the version, and nothing else")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_check(commands)
    _add_classify(commands)
    remote.add_parser(commands)
    _add_embedder(commands)
    if not arguments or arguments[0] not in commands.choices:
        from benchmarks.commands import add_parsers  # noqa: PLC0415 - serve must not load it

        add_parsers(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help="run the proxy",
        description="Run the proxy until SIGTERM, then let open answers end.",
        epilog="example:\n  firsttoken serve --config firsttoken.toml --port 8080\n",
        formatter_class=_RAW,
    )
    serve.add_argument(
        "--config", metavar="FILE", help="default: $FIRSTTOKEN_CONFIG, ./firsttoken.toml"
    )
    serve.add_argument("--host", help="default: 127.0.0.1, or [server] host")
    serve.add_argument("--port", type=int, help="default: 3456, or [server] port")
    serve.add_argument(
        "--workers", type=int, metavar="N", help="processes on the port; default: 1, or [server]"
    )
    serve.set_defaults(func=_serve)


def _add_check(commands: Any) -> None:
    check = commands.add_parser(
        "check",
        help="read the configuration and report every error with its place",
        description="Read the configuration and report every error with its place.",
        epilog="examples:\n  firsttoken check --config firsttoken.toml\n"
        "  firsttoken check --live              # at most one token for each key\n",
        formatter_class=_RAW,
    )
    check.add_argument("--config", metavar="FILE")
    check.add_argument(
        "--live", action="store_true", help="test every provider's key; exit status 1 if one fails"
    )
    check.add_argument("--json", action="store_true", help="with --live: one JSON array")
    check.set_defaults(func=_check)


def _add_classify(commands: Any) -> None:
    classify = commands.add_parser(
        "classify",
        help="say what kind of request a text is, and why",
        description="Category, complexity and language of a text, and the microseconds it took.",
        epilog='example:\n  firsttoken classify --json "Traduis ce texte en anglais"\n'
        "  firsttoken classify --jsonl prompts.jsonl > read.jsonl\n",
        formatter_class=_RAW,
    )
    classify.add_argument(
        "text", nargs="?", help="the prompt; read from standard input when absent"
    )
    classify.add_argument("--json", action="store_true", help="one JSON object")
    classify.add_argument(
        "--jsonl", metavar="FILE", help="rows with a prompt, one reading for each"
    )
    classify.add_argument("--config", metavar="FILE")
    classify.set_defaults(func=_classify)


def _add_embedder(commands: Any) -> None:
    embedder = commands.add_parser(
        "embedder",
        help="run the embedding model, on a GPU where there is one, for all proxies here",
        description="Turn texts into vectors for the proxies of this machine, over a Unix socket."
        " They do without it when it is away.",
        epilog="example:\n  firsttoken embedder --socket /tmp/embedder.sock --device cpu\n",
        formatter_class=_RAW,
    )
    embedder.add_argument("--config", metavar="FILE", help="whose [embeddings] counts")
    embedder.add_argument("--socket", metavar="PATH", help="default: [embeddings] socket")
    embedder.add_argument(
        "--model", help="a sentence-transformers model (default: [embeddings] model, or MiniLM)"
    )
    embedder.add_argument("--device", help="auto, cpu or cuda:N (default: [embeddings] device)")
    embedder.set_defaults(func=_embedder)


def _embedder(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    settings = config.load(args.config).embeddings
    path = args.socket or settings.socket
    if path is None:
        raise config.ConfigError(["embedder: needs --socket PATH, or [embeddings] socket"])
    if args.device and not re.fullmatch(DEVICE, args.device):
        words = f'must be auto, cpu or cuda:N, not "{args.device}"'
        raise config.ConfigError([f"embedder: --device: {words}"])
    from embeddings.process import NoModel, run  # noqa: PLC0415 - the one that loads torch

    try:
        return run(path, args.model or settings.model, args.device or settings.device)
    except NoModel as error:
        raise config.ConfigError([f"embedder: {error}"]) from error


def _serve(args: argparse.Namespace) -> int:
    from proxy.serve import serve  # noqa: PLC0415 - the other commands need no server

    asked = {name: getattr(args, name) for name in ("host", "port", "workers")}
    return serve(args.config, {name: one for name, one in asked.items() if one is not None})


def _check(args: argparse.Namespace) -> int:
    from proxy.catalog import describe  # noqa: PLC0415 - the catalogue is only read here
    from proxy.parts import check  # noqa: PLC0415 - likewise

    settings = config.load(args.config)
    lines = describe(settings, config.environment())
    check(settings, config.environment())
    if args.live:
        return _check_live(settings, as_json=args.json)
    for line in lines:
        print(line)  # noqa: T201 - a command speaks
    return 0


def _check_live(settings: config.Config, *, as_json: bool) -> int:
    import asyncio  # noqa: PLC0415 - the other commands need no network

    from proxy.live import check, table  # noqa: PLC0415 - likewise

    lines = asyncio.run(check(settings, config.environment()))
    if as_json:
        rows = [one.as_json() for one in lines]
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())  # noqa: T201
    elif lines:
        print("\n".join(table(lines)))  # noqa: T201 - a command speaks
    else:
        print("No provider is configured: there is no key to test.")  # noqa: T201
    return 0 if all(one.works for one in lines) else 1


def _classify(args: argparse.Namespace) -> int:
    settings = config.load(args.config)
    from proxy.parts import classify, load_classifier  # noqa: PLC0415 - see _run

    classifier = load_classifier(settings)
    if classifier is None:
        where = settings.at("embeddings", "enabled")
        raise config.ConfigError([f"{where}: nothing reads texts: it is false"])
    if args.jsonl is not None:
        if args.text is not None:
            raise config.ConfigError(["classify: reads a text or --jsonl FILE, not both"])
        return _classify_rows(classifier, args.jsonl)
    text = args.text if args.text is not None else sys.stdin.read()
    if not text.strip():
        raise config.ConfigError(["classify: no text: write it behind, or to standard input"])
    found = classify(classifier, text)
    if args.json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())  # noqa: T201
        return 0
    print(  # noqa: T201 - a command speaks
        f"{found['category']}  (confidence {found['confidence']:.2f}, complexity "
        f"{found['complexity']:.2f}, language {found['language']}, {found['us']:.0f} µs)"
    )
    for name, score in sorted(found["scores"].items(), key=lambda item: -item[1])[:4]:
        print(f"  {score:5.2f}  {name}")  # noqa: T201
    words = ", ".join(f"{word} {weight:+.2f}" for word, weight in found["words"][:6])
    if words:
        print(f"  words: {words}")  # noqa: T201
    if found["cues"]:
        print(f"  cues: {', '.join(found['cues'])}")  # noqa: T201
    if found["keywords"]:
        print(f"  keywords of: {', '.join(found['keywords'])}")  # noqa: T201
    if found["like"]:
        print("  like its example: {!r} ({:.2f})".format(*found["like"]))  # noqa: T201
    if found["abstains"]:
        print("  too unsure to decide: auto takes the default chain, or the language's")  # noqa: T201
    return 0


def _classify_rows(classifier: Any, path: str) -> int:
    from proxy.parts import classify  # noqa: PLC0415 - see _run

    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise config.ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    wanted = ("category", "confidence", "complexity", "language", "us")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            prompt = row["prompt"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise config.ConfigError([f"{path}:{number}: is not JSON with a prompt"]) from error
        if not isinstance(prompt, str):
            raise config.ConfigError([f"{path}:{number}: its prompt is no text"])
        found = classify(classifier, prompt)
        sys.stdout.write(orjson.dumps({name: found[name] for name in wanted}).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
