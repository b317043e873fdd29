"""Who calls: bearer keys compared by hash, in constant time."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from proxy.errors import ClientError
from proxy.exchange import ANONYMOUS, Caller

if TYPE_CHECKING:
    from collections.abc import Mapping


class Keyring:
    """Known keys by the SHA-256 of their bytes; without any, everyone is anonymous.

    A lookup by digest tells an attacker nothing about a key: to make two digests agree in a
    prefix he would need to choose SHA-256's output. The last comparison is constant-time.
    """

    __slots__ = ("_admin", "_callers", "_open")

    def __init__(
        self, callers: Mapping[bytes, Caller], admin: bytes | None = None, *, is_open: bool = False
    ) -> None:
        self._callers = dict(callers)
        self._admin = admin
        self._open = is_open or not callers

    def caller(self, authorization: bytes | None, api_key: bytes | None = None) -> Caller:
        """The caller of a request. Raises ClientError 401 for a missing or unknown key."""
        if not self._callers and self._open:
            return ANONYMOUS  # existing clients always send some key; nobody checks it here
        key = _bearer(authorization) if authorization is not None else api_key
        if key is None:
            if self._open:
                return ANONYMOUS
            raise _refusal("No API key was given. Send it as 'Authorization: Bearer KEY'.")
        digest = hashlib.sha256(key).digest()
        found = self._callers.get(digest)
        if found is None:
            if self._open:
                return ANONYMOUS
            raise _refusal("The API key is not known here.")
        return found

    def is_admin(self, authorization: bytes | None, *, loopback: bool) -> bool:
        """Whether a request may use the admin endpoints: the admin key, or loopback without one."""
        if self._admin is None:
            return loopback
        key = _bearer(authorization) if authorization is not None else None
        if key is None:
            return False
        return hmac.compare_digest(hashlib.sha256(key).digest(), self._admin)

    def seal(self, message: bytes) -> bytes | None:
        """A proof that only this admin key's owner could make; None where there is no key."""
        if self._admin is None:
            return None
        return hmac.digest(self._admin, message, "sha256")


def _bearer(value: bytes) -> bytes | None:
    scheme, _, key = value.partition(b" ")
    key = key.strip()
    return key if scheme.lower() == b"bearer" and key else None


def _refusal(message: str) -> ClientError:
    return ClientError(
        401,
        message,
        "authentication_error",
        "invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )
