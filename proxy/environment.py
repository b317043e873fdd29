"""What the process finds around it: variables, .env, forward proxies. The one reader of os.environ.

.env is read by thirty lines of our own: python-dotenv also replaces ${...} inside values, and a
key with a $ in it must arrive as it was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from proxy.config_file import ConfigError


def environment(dotenv: str = ".env") -> dict[str, str]:
    """The process environment, over what .env in the working directory says.

    Raises ConfigError for a .env that is there and cannot be read.
    """
    found = _dotenv(text_of(dotenv, "")) if Path(dotenv).is_file() else {}
    found.update(os.environ)  # noqa: TID251 - the one reader of the environment
    return found


def text_of(path: str, advice: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        words = f"{path}: there is no such file: {advice}"
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        words = f"{path}: is not UTF-8 text"
    raise ConfigError([words])


_LINE = re.compile(
    r"""\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"""
    r"""(?:"((?:\\.|[^"\\])*)"|'([^']*)'|(.*?))\s*(?:(?<=\s)\#.*)?"""
)
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\", "\\$": "$"}


def _dotenv(text: str) -> dict[str, str]:
    """NAME=value lines; quotes and comments as in a shell, no substitution: a $ is a $."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        matched = _LINE.fullmatch(line)
        if matched is None:
            continue
        name, double, single, bare = matched.groups()
        if double is not None:
            found[name] = re.sub(r"\\.", lambda one: _ESCAPES.get(one[0], one[0]), double)
        else:
            found[name] = single if single is not None else bare
    return found


def forward_proxy(environ: Mapping[str, str], host: str, *, tls: bool) -> str | None:
    """The forward proxy that the environment names for this host, or None.

    HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case, as curl reads them.
    """
    if host == "localhost" or is_loopback(host):
        return None
    exempt = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    for entry in (one.strip().lstrip(".") for one in exempt.split(",")):
        if entry == "*" or (entry and (host == entry or host.endswith("." + entry))):
            return None
    name = "HTTPS_PROXY" if tls else "HTTP_PROXY"
    found = environ.get(name) or environ.get(name.lower())
    return found if found and found.startswith("http://") else None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on this host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
