"""A host in memory for tests of the command line, with a change that holds a secret."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_runs import TOKEN, install_plugin, use_plugin

from codeflow_engine.hosts.cli import main
from codeflow_engine.testing.examples import Example, ExampleFile
from codeflow_engine.testing.fakes import FakeHost

PLUGIN = '''
"""A host in memory under the name of the shipped one, and one that takes no effects."""

from codeflow_engine import hookimpl
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.errors import AnalyzerError, AuthenticationError
from codeflow_engine.testing.fakes import FakeHost, FakeVCS

HOST = FakeHost()


class Mute(FakeVCS):
    """Can be read, and not be written to."""

    capabilities = frozenset()


class Down(FakeVCS):
    """Fails whenever something is to be written."""

    async def deliver(self, effect):
        raise AuthenticationError("the forge lets nobody write")


class Broken(Analyzer):
    async def analyze(self, analysis, sandbox):
        raise AnalyzerError("broken on purpose")


@hookimpl
def codeflow_register(registry):
    for kind in (FakeVCS, Mute, Down):
        registry.add_vcs(kind.__name__.lower(), lambda kind=kind: kind(HOST))
    registry.add_analyzer("broken", Broken)
'''
TARGET = "acme/shop#42"
CLEAN = Example(
    name=TARGET,
    base={"settings.py": ExampleFile.of("DEBUG = False\n")},
    head={"settings.py": ExampleFile.of("DEBUG = False\nTOKEN = None\n")},
)
LEAK = Example(
    name=TARGET,
    base=CLEAN.base,
    head={"settings.py": ExampleFile.of(f"DEBUG = False\nTOKEN = '{TOKEN}'\n")},
)
HEAD = str(LEAK.revisions[1])
PLANNED = [
    f"plan: 3 effects on {TARGET} at {HEAD[:12]}",
    "  review: 1 comment",
    "    settings.py:2 critical `secrets/github-token`, line 2: GitHub token",
]


@dataclass(frozen=True)
class Stand:
    """The program in this process, and the host that it finds there."""

    host: FakeHost
    capsys: pytest.CaptureFixture[str]

    @classmethod
    def make(
        cls, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Stand:
        """Install the plugin in a directory, and put the change with the secret on its host."""
        use_plugin(monkeypatch, install_plugin(place, code=PLUGIN))
        monkeypatch.chdir(place)
        assert main(["plugins"]) == 0
        capsys.readouterr()
        host: FakeHost = sys.modules["codeflow_tests"].HOST
        host.push(LEAK)
        return cls(host, capsys)

    def call(self, *words: str) -> tuple[int, str, str]:
        """Run the program; give its status, and what it wrote and said."""
        status = main([*words])
        told = self.capsys.readouterr()
        return status, told.out, told.err

    def review(self, *words: str) -> tuple[int, list[str], list[str]]:
        """Review the change of the host by its analyzer of secrets."""
        names = () if "--analyzer" in words else ("--analyzer", "secrets")
        hosts = () if "--vcs" in words else ("--vcs", "fakevcs")
        status, out, err = self.call("review", TARGET, *hosts, *names, *words)
        return status, out.splitlines(), err.splitlines()

    def publish(self, file: Path, *words: str, head: str = HEAD) -> tuple[int, list[str], str]:
        """Publish a review of a file."""
        told = ("--change", TARGET, "--head", head, *words)
        hosts = () if "--vcs" in words else ("--vcs", "fakevcs")
        status, out, err = self.call("publish", str(file), *told, *hosts)
        return status, out.splitlines(), err

    @property
    def written(self) -> list[str]:
        """Kinds of what stands on the host."""
        return [post.effect.kind.value for post in self.host.posts if post.effect]
