"""AWS Signature Version 4: the header lines that sign one request.

As docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html describes it, for services
other than S3: the path, encoded as it is sent, is encoded once more. Pure: time is an argument.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """One set of credentials at one service in one region."""

    __slots__ = ("_access_key", "_day", "_key", "_region", "_secret", "_service", "_session")

    def __init__(
        self, access_key: str, secret: str, *, region: str, service: str, session: str = ""
    ) -> None:
        self._access_key = access_key
        self._secret = secret
        self._session = session
        self._region = region
        self._service = service
        self._day = ""
        self._key = b""  # of that day

    def lines(  # what a signature covers
        self,
        method: str,
        host: str,
        target: str,
        body: bytes,
        at: float,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The headers to add. at: unix seconds. headers: others to be signed.

        target: path and query as they stand in the request line.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        found = {"x-amz-date": stamp}
        if self._session:
            found["x-amz-security-token"] = self._session
        signed = {"host": host, **found, **(headers or {})}
        names = sorted((name.lower(), value.strip()) for name, value in signed.items())
        path, _, query = target.partition("?")
        covered = ";".join(name for name, _ in names)
        request = "\n".join(
            (
                method,
                quote(path or "/", safe="/-_.~"),
                "&".join(sorted(_pairs(query))),
                *(f"{name}:{value}" for name, value in names),
                "",
                covered,
                sha256(body).hexdigest(),
            )
        )
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        told = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(stamp[:8]), told.encode(), "sha256").hex()
        found["authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key}/{scope}, "
            f"SignedHeaders={covered}, Signature={signature}"
        )
        return found

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key


def _pairs(query: str) -> Iterable[str]:
    """name=value of an encoded query; a name alone has an empty value."""
    return (pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
