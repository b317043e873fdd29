"""Google's credentials as its tools write them: whose they are, and what is asked for with them.

The forms of GOOGLE_APPLICATION_CREDENTIALS: a service account's key, which signs a claim
(RFC 7523), and a user's `gcloud auth application-default login`. A machine in Google's cloud needs
neither: its metadata server hands tokens out. The signature's library is an extra of its own;
google-auth is none, as it asks for tokens with a blocking client.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI = "https://oauth2.googleapis.com/token"
METADATA = (
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
)
LIFE_SECONDS = 3600  # the longest that Google grants
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Credentials:
    """kind: service_account, authorized_user or metadata. told: what its file says."""

    kind: str
    token_uri: str
    project: str = ""
    told: dict[str, str] = field(default_factory=dict, repr=False)  # holds secrets

    def form(self, wall_s: float) -> bytes:
        """The body that asks token_uri for a token. wall_s: Unix seconds."""
        told = self.told
        if self.kind == "authorized_user":
            names = ("client_id", "client_secret", "refresh_token")
            asked = {"grant_type": "refresh_token", **{name: told[name] for name in names}}
        else:
            asked = {"grant_type": _GRANT, "assertion": self._claim(int(wall_s))}
        return urlencode(asked).encode()

    def _claim(self, now_s: int) -> str:
        head = {"alg": "RS256", "typ": "JWT", "kid": self.told.get("private_key_id", "")}
        claim = {
            "iss": self.told["client_email"],
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now_s,
            "exp": now_s + LIFE_SECONDS,
        }
        text = f"{_packed(orjson.dumps(head))}.{_packed(orjson.dumps(claim))}"
        return f"{text}.{_packed(_signed(self.told['private_key'], text.encode()))}"


FROM_METADATA = Credentials("metadata", METADATA)
_NEEDED = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


def read(text: str) -> Credentials:
    """The credentials in a file. Raises ValueError in words for whoever wrote the configuration,
    without a word of what is in it."""
    try:
        told: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("the credentials are not JSON") from None
    kind = told.get("type") if isinstance(told, dict) else None
    needed = _NEEDED.get(str(kind))
    if needed is None:
        kinds = " or ".join(_NEEDED)
        raise ValueError(f"the credentials must be of type {kinds}, not {str(kind)[:40]}")
    words = {name: value for name, value in told.items() if isinstance(value, str)}
    if missing := [name for name in needed if not words.get(name)]:
        raise ValueError(f"the credentials lack {' and '.join(missing)}")
    uri = words.get("token_uri") or TOKEN_URI
    if urlsplit(uri).scheme not in ("http", "https") or not urlsplit(uri).hostname:
        raise ValueError("the credentials' token_uri must be a URL")
    if kind == "service_account":
        if find_spec("cryptography") is None:
            raise ValueError("a service account's key needs pip install 'firsttoken[vertex]'")
        _signed(words["private_key"], b"")
    project = words.get("project_id") or words.get("quota_project_id") or ""
    return Credentials(str(kind), uri, project, words)


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(key: str, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        found = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("the credentials' private_key is no key") from None
    if not isinstance(found, RSAPrivateKey):
        raise ValueError("the credentials' private_key must be an RSA key")  # noqa: TRY004 - read's
    return found.sign(data, PKCS1v15(), SHA256())
