"""What tests of the wires stand on: each wire in turn, a certificate, and the judge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llmock_judge import Judge, judging

from fault_places import Certificate, make_certificate
from wires import WIRES, Wire

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def hermetic_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy or key of the machine into a test."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for wire in WIRES:
        monkeypatch.delenv(wire.key_variable, raising=False)


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Give each wire."""
    chosen: Wire = request.param
    return chosen


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Make a certificate that nobody knows."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def llmock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """Run llmock as a program of its own, for the whole session."""
    with judging(tmp_path_factory.mktemp("llmock")) as judge:
        yield judge


@pytest.fixture
def llmock(llmock_server: Judge) -> Judge:
    """Give llmock with nothing told and nothing seen.

    It takes the place of the fixture of the same name in llmock's own plugin, which runs the
    server within the process of the tests and changes its environment.
    """
    llmock_server.reset()
    return llmock_server
