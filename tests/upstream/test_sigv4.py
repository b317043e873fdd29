"""AWS's published examples of Signature Version 4, and what Bedrock needs beside them."""

from __future__ import annotations

from calendar import timegm

import pytest

from proxy.upstream.sigv4 import Signer

ACCESS = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = float(timegm((2015, 8, 30, 12, 36, 0)))
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "host", "service", "target", "headers", "body", "signature"),
    [
        # the test suite's get-vanilla, get-vanilla-query-order-key-case, post-vanilla,
        # post-x-www-form-urlencoded; then the ListUsers example of the IAM guide
        ("GET", "example.amazonaws.com", "service", "/", {}, b"",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "example.amazonaws.com", "service", "/?Param2=value2&Param1=value1", {}, b"",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("POST", "example.amazonaws.com", "service", "/", {}, b"",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", "example.amazonaws.com", "service", "/", FORM, b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ("GET", "iam.amazonaws.com", "iam", "/?Action=ListUsers&Version=2010-05-08",
         {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, b"",
         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
    ],
)  # fmt: skip
def test_published_examples(method, host, service, target, headers, body, signature) -> None:
    signer = Signer(ACCESS, SECRET, region="us-east-1", service=service)
    for _ in range(2):  # the key of the day is kept
        found = signer.lines(method, host, target, body, AT, headers)
        assert found["x-amz-date"] == "20150830T123600Z"
        assert found["authorization"].endswith(f", Signature={signature}")
    scope = f"Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, "
    assert scope in found["authorization"]


def signed(target: str = "/", body: bytes = b"", at: float = AT, session: str = ""):
    signer = Signer(ACCESS, SECRET, region="us-east-1", service="bedrock", session=session)
    return signer.lines("POST", "h", target, body, at)["authorization"]


def test_everything_is_covered() -> None:
    one = signed()
    assert "SignedHeaders=host;x-amz-date, " in one
    assert len({one, signed("/a"), signed("/?a"), signed(body=b"x"), signed(at=AT + 1),
                signed(at=AT + 86_400), signed(session="s")}) == 7  # fmt: skip
    assert signed("/?a") == signed("/?a=")


def test_a_temporary_token_is_sent_and_signed() -> None:
    signer = Signer(ACCESS, SECRET, region="us-east-1", service="bedrock", session="token")
    found = signer.lines("POST", "h", "/", b"", AT)
    assert found["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token, " in found["authorization"]


def test_a_new_day_has_a_new_key() -> None:
    signer = Signer(ACCESS, SECRET, region="us-east-1", service="bedrock")
    first = signer.lines("POST", "h", "/", b"", AT)
    signer.lines("POST", "h", "/", b"", AT + 86_400)
    assert signer.lines("POST", "h", "/", b"", AT) == first
