"""Text that only looks like a secret stays as it is."""

# ruff: noqa: S311 - seeded values made for tests alone
from __future__ import annotations

import base64
import hashlib
import uuid
from random import Random
from string import ascii_letters, digits

import pytest

from codeflow_engine.redaction import Redactor

CODE = """
password = os.environ["DB_PASSWORD"]
password = getpass.getpass("Password: ")
token = request.headers.get("Authorization")
api_key = settings.api_key.get_secret_value()
api_key: str | None = None
secret = "${CLIENT_SECRET}"
secret: "{{ vault_secret }}"
client_secret = "<your-client-secret>"
API_KEY=your_api_key_here
API_KEY=
API_KEY="xxxxxxxxxxxxxxxxxxxxxxxx"
PASSWORD=changeme123
password = "********"
password: "password123"
password: hunter
token = tokenize(line, 2)
token = token2_value
token_type = "bearer_token_2"
token_url = "https://login.example.com/oauth2/v2.0/token"
password_hash = "5e884898da28047151d0e56f8dc6292773603d0d"
secret_name = "projects/42/secrets/db1"
secret_id = "8f14e45fceea167a5a36dedd4bea2543"
token_regex = r"^[A-Za-z0-9]{20}$"
PASSWORD_MIN_LENGTH = 12
max_tokens: 4096, prompt_tokens=1234567890
sort_key = "created_at_2"
cache_key = "user:42:profile"
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm8p9q2r3s4t5u6v7w8x9y0z1a2b3c4d5e6f7g8h9i0 me"
const token = await getToken(user1, scope2);
if token == "identifier_2":
self.assertEqual(token, 'abc')
"password": "Passwort",
Bearer authentication is described in RFC 6750.
Basic understanding of authentication; basic formatting1234
Authorization: Bearer <token>
Authorization: Bearer $TOKEN
Authorization: Basic <credentials>
postgresql://user:password@localhost/db
postgresql://user:${PASSWORD}@localhost/db
f"postgresql://{user}:{password}@{host}/{name}"
https://example.com:8443/path?x=1@2
git@github.com:acme/shop.git
ssh://git@github.com/acme/shop.git
http://user@example.com/
mailto:someone@example.com
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
if header == "-----BEGIN PRIVATE KEY-----":
    break
raise ValueError("no -----END PRIVATE KEY----- in the file")
AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
sk-learn-compatible-estimator-with-a-long-name
task-0123456789abcdef0123456789abcdef01234567
.btn-sk-primary-large-with-some-more-words { color: red }
ghp_ is the prefix; ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx stands for one
xoxb-your-slack-token
SG.{key}.{secret}
sha512-WfIrBPJZ2Yjg1oJm2fGzZ1o0l3nXk9mJfX7nT4m2h8Qd1dGZ3o4mKjX1yP4bTnYl2zQx5s6w7e8r9t0y1u2i3A==
integrity sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC
"resolved": "https://registry.example.com/left-pad/-/left-pad-1.3.0.tgz#5b8a3a7765dfe001261dde915589e782f8c94d1e"
index 8f14e45..c9f0f89 100644
From 8f14e45fceea167a5a36dedd4bea25430d0e5f4b Mon Sep 17 00:00:00 2001
uses: actions/checkout@8f4b7f84864484a7bf31766abe9204da3cbe65b3  # v4.2.0
FROM python:3.12@sha256:8f14e45fceea167a5a36dedd4bea25430d0e5f4b8f14e45fceea167a5a36dedd
request_id = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
token = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
"""


@pytest.mark.parametrize("line", CODE.strip().splitlines())
def test_ordinary_code_is_left_alone(line: str) -> None:
    """A line without a secret is shown as it is, though it speaks of secrets."""
    assert Redactor().find(line) == ()


def in_base64(data: bytes) -> str:
    """Return data as base64 text."""
    return base64.b64encode(data).decode()


def test_digests_ids_and_binary_data_are_left_alone() -> None:
    """Hashes, UUIDs, lock files, images and generated code hold nothing, at any length."""
    rng = Random(3)
    lines = []
    for n in range(60):
        data = rng.randbytes(48)
        lines += [
            f"commit {hashlib.sha1(data, usedforsecurity=False).hexdigest()}",
            f"{hashlib.sha256(data).hexdigest()}  dist/package-{n}.whl",
            f'    {{file = "a-{n}.whl", hash = "sha256:{hashlib.sha256(data).hexdigest()}"}},',
            f'      "integrity": "sha512-{in_base64(hashlib.sha512(data).digest())}",',
            f"h1:{in_base64(hashlib.sha256(data).digest())}",
            f'"id": "{uuid.UUID(bytes=data[:16], version=4)}"',
            f"src: url(data:image/png;base64,{in_base64(rng.randbytes(900))})",
            "!function(e,t){"
            + "".join(
                f"var {a}{b}={a}.{b}[{n}]||{{}},"
                for a, b in zip(
                    rng.choices(ascii_letters, k=40), rng.choices(ascii_letters, k=40), strict=True
                )
            ),
            f'"mappings": "{",AAAA;".join(in_base64(rng.randbytes(3)) for _ in range(50))}"',
        ]

    text = "\n".join(lines)

    found = [text[span.start - 30 : span.end] for span in Redactor().find(text)]

    assert found == []


def test_words_and_names_are_left_alone_behind_a_telling_name() -> None:
    """Identifiers, versions and paths are no secrets, whatever they are assigned to."""
    rng = Random(5)
    words = [
        "user",
        "name",
        "last",
        "access",
        "order",
        "item",
        "cache",
        "value",
        "page",
        "image",
        "upload",
        "remote",
        "local",
    ]
    values = [
        rng.choice(["_", "-", ".", "/", ""]).join(rng.sample(words, 3))
        + rng.choice(["", "2", "_v3"])
        for _ in range(500)
    ]
    values += [f"{rng.randrange(30)}.{rng.randrange(99)}.{rng.randrange(99)}" for _ in range(50)]
    values += ["".join(rng.choices(digits, k=12)) for _ in range(50)]

    text = "".join(f'token = "{value}"\nSECRET={value}\n' for value in values)

    found = [text[span.start : span.end] for span in Redactor().find(text)]

    assert found == []
