"""Addresses where no good answer can come from, and certificates that nobody knows."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["UNKNOWN", "Certificate", "blackhole", "make_certificate", "refusing"]

UNKNOWN = "http://nobody.invalid"
"""A host that has no address: RFC 6761 keeps `.invalid` free of names."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that signs itself, for 127.0.0.1, and what a server needs to use it."""

    file: Path
    context: ssl.SSLContext


def make_certificate(place: Path) -> Certificate:
    """Make a certificate and its key with OpenSSL's program; skip where there is none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on PATH to make a certificate with")
    key, certificate = place / "key.pem", place / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(
        [openssl, "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Certificate(certificate, context)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Give the URL of a port that is taken, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def blackhole() -> Iterator[str]:
    """Give the URL of a port whose queue is full: a connection is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        # Linux lets one more wait than it was told; the others' packets are dropped.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the name is socket's
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
