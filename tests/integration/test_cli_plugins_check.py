"""`codeflow plugins check`: its table, its verdict, its exit status."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from cli_runs import commit, install_plugin, make_repository, use_plugin

from codeflow_engine.hosts.cli import main

dear = partial(pytest.param, marks=pytest.mark.fault)
"""A case that costs a process of its own, and has a like among the usual ones."""

OFFERS = '''
"""Offers what tests need."""

from codeflow_engine import hookimpl


@hookimpl
def codeflow_register(registry):
    module = "codeflow_tests_backends"
    registry.add_observer("acme", f"{module}:Acme", settings=f"{module}:AcmeSettings")
    registry.add_observer("broken", f"{module}:Broken")
    registry.add_llm("acme-llm", f"{module}:Model")
'''

BACKENDS = """
from dataclasses import dataclass

from codeflow_engine.testing.fakes import FakeLLM, FakeObserver


@dataclass(frozen=True, kw_only=True)
class AcmeSettings:
    word: str = "good"


class Acme(FakeObserver):
    def __init__(self, settings=AcmeSettings()):
        super().__init__()
        self.word = settings.word

    async def on_event(self, event):
        assert self.word == "good", f"the word is {self.word}"


class Broken(FakeObserver):
    async def on_event(self, event):
        print("\\x1b[31mgarbage")
        raise RuntimeError("\\x1b[31mred\\nand more")


class Model(FakeLLM):
    endpoint = "https://models.example.org"
"""


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, offers: str = OFFERS, backends: str = BACKENDS
) -> None:
    """Install a plugin whose backends lie in a module of their own; stand in that directory."""
    site = install_plugin(folder, code=offers)
    (site / "codeflow_tests_backends.py").write_text(backends)
    use_plugin(monkeypatch, site)
    monkeypatch.chdir(folder)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command; give its status, and what it wrote."""
    status = main(["plugins", "check", *words])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_a_backend_that_keeps_its_contract_exits_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each check has its row, those of the registration first; the last line is the verdict."""
    install(tmp_path, monkeypatch)

    status, out, err = run(capsys, "observer:acme")

    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[:3] == ["observer:acme: ObserverContract", "", lines[2]]
    assert lines[2].split() == ["CHECK", "RESULT"]
    assert [line.split() for line in lines[3:5]] == [
        ["registration", "passed"],
        ["registration_is_light", "passed"],
    ]
    assert re.fullmatch(r"(\d+) checks: \1 passed", lines[-2])
    assert lines[-1] == "kept: every rule of its contract that its capabilities ask for holds"


def test_a_broken_rule_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule and the reason stand beneath, and nothing in them that a terminal obeys."""
    install(tmp_path, monkeypatch)

    status, out, _ = run(capsys, "broken")

    assert status == 1
    assert re.search(r"^it_returns_quickly +FAILED$", out, re.MULTILINE)
    assert "FAILED test_it_returns_quickly\n  rule: The run waits for it, so that" in out
    assert "  reason: RuntimeError: \\x1b[31mred and more\n" in out
    assert "garbage" not in out
    assert re.fullmatch(r"broken: \d rules of its contract do not hold", out.splitlines()[-1])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nothing"], "'nothing' is no backend"),
        dear(["codeflow_tests_backends:Nothing"], "has no 'Nothing'"),
        (["acme", "--settings", "settings.toml"], "wrod"),
        dear(["acme", "--settings", "nowhere.toml"], "there is no settings file"),
        dear(["acme", "--url", "acme://{tmp}"], "no observer takes a URL of 'acme'"),
        (["acme", "--timeout", "0"], "timeout"),
        dear(["acme", "--format", "html"], "html"),
    ],
)
def test_a_target_that_cannot_be_made_exits_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    reason: str,
) -> None:
    """Nothing was checked, and the error says why."""
    install(tmp_path, monkeypatch)
    (tmp_path / "settings.toml").write_text("[plugins.acme]\nwrod = 'good'\n")

    status, out, err = run(capsys, *words)

    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert reason in err


def test_what_could_not_be_tested_exits_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither green nor broken: the sentence says what is missing."""
    install(tmp_path, monkeypatch)

    status, out, _ = run(capsys, "llm:acme-llm")

    assert status == 3
    counts, verdict = out.splitlines()[-2:]
    assert re.fullmatch(r"\d+ checks: \d+ passed, \d+ skipped, \d+ unchecked", counts)
    assert re.fullmatch(r"incomplete: \d+ rules could not be tested", verdict)
    assert "`wire`" in out


@pytest.mark.fault
def test_settings_of_the_backend_are_those_of_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The section of its name is validated, and reaches the constructor."""
    install(tmp_path, monkeypatch)
    (tmp_path / "settings.toml").write_text("[plugins.acme]\nword = 'bad'\n")

    status, out, _ = run(capsys, "acme", "--settings", "settings.toml")

    assert status == 1
    assert "the word is bad" in out


def test_a_plugin_is_checked_with_all_that_it_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON: a verdict for each backend; what is broken decides the status."""
    install(tmp_path, monkeypatch)

    status, out, _ = run(capsys, "codeflow_tests", "--format", "json")

    told = json.loads(out)
    verdicts = {check["subject"]: check["verdict"] for check in told["checks"]}
    assert status == 1
    assert told["kept"] is False
    assert verdicts == {
        "llm:acme-llm": "incomplete",
        "observer:acme": "kept",
        "observer:broken": "broken",
    }
    (acme,) = (check for check in told["checks"] if check["subject"] == "observer:acme")
    assert acme["counts"]["passed"] == len(acme["results"])
    assert set(acme["results"][0]) == {"name", "rule", "outcome", "reason", "seconds"}


def test_the_registration_of_a_plugin_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An offer that is refused, and an import that every engine would pay for, are failures."""
    offers = OFFERS.replace('"""Offers', 'import platformdirs\n"""Offers') + (
        '    registry.add_analyzer("secrets", f"{module}:Acme")\n'
        '    registry.add_analyzer("future", f"{module}:Acme", contract_version=9)\n'
    )
    install(tmp_path, monkeypatch, offers=offers)

    status, out, _ = run(capsys, "observer:acme")
    unknown, _, err = run(capsys, "analyzer:future")

    assert status == 1
    assert re.search(r"^registration +FAILED$", out, re.MULTILINE)
    assert "reason: registering imports platformdirs\n" in out
    assert "which keeps the name" in " ".join(out.split())
    assert unknown == 2
    assert "was written for contract version 9" in err


@pytest.mark.fault
def test_a_backend_that_cannot_be_made_is_told_beside_a_broken_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One broken rule does not read as if all others had been tested."""
    offers = OFFERS.replace('"""Offers', 'import platformdirs\n"""Offers')
    offers += '    registry.add_observer("absent", f"{module}:Absent")\n'
    install(tmp_path, monkeypatch, offers=offers)

    status, out, _ = run(capsys, "codeflow_tests")

    absent = " ".join(out.partition("\nobserver:absent\n\n")[2].split())
    assert status == 1
    assert "2 checks: 1 passed, 1 failed broken: 1 rule of its contract does not hold, " in absent
    assert "and no other was tested: observer:absent cannot be created: " in absent


def test_a_plugin_that_cannot_be_loaded_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name it is found, though it offers nothing."""
    install(tmp_path, monkeypatch, offers="raise RuntimeError('broken')\n")

    status, out, _ = run(capsys, "codeflow-tests")

    assert status == 1
    assert "RuntimeError: broken" in out


def test_a_test_class_is_found_beside_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The working directory is looked into last, so that an author can name their own tests."""
    install(tmp_path, monkeypatch)
    (tmp_path / "test_acme.py").write_text(
        "import pytest\n"
        "from codeflow_tests_backends import Acme\n"
        "from codeflow_engine.testing.contracts import ObserverContract\n\n\n"
        "class TestAcme(ObserverContract):\n"
        "    @pytest.fixture\n"
        "    def create(self):\n"
        "        return Acme\n"
    )

    status, out, _ = run(capsys, "test_acme:TestAcme")

    assert status == 0
    assert out.startswith("test_acme:TestAcme: TestAcme\n")


@pytest.mark.fault
def test_a_url_is_announced_as_written_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the suite leaves behind is announced, and a directory of its own is removed."""
    kept = run(capsys, "cache:sql", "--url", f"sqlite:///{tmp_path}/{{name}}.db")
    removed = run(capsys, "cache:sql", "--url", "sqlite:///{tmp}/cache.db")

    assert kept[2] == "note: the suite writes into what --url names, and leaves it there\n"
    assert removed[2] == ""
    assert kept[0] == removed[0] == 0
    assert list(tmp_path.glob("*.db"))


@pytest.mark.fault
def test_a_vcs_host_is_checked_with_a_change_that_it_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs to know nothing of the change is tested; the rest says what it lacks."""
    commit(make_repository(tmp_path), "second", {"a.py": "import sys\n"})
    monkeypatch.chdir(tmp_path)

    status, out, _ = run(capsys, "vcs:git", "--change", "repository", "--base", "HEAD~1")
    without, more, _ = run(capsys, "vcs:git")

    assert (status, without) == (3, 3)
    assert re.search(r"^a_change_is_pinned +passed$", out, re.MULTILINE)
    assert "unchecked: what the change holds is not known" in out
    assert "FAILED" not in out
    assert "a test class has to define the fixture `published`" in " ".join(more.split())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["observer:acme", "--change", "."], "--change is for VCS hosts"),
        (["vcs:git", "--base", "HEAD"], "--base and --head go with --change"),
    ],
)
def test_a_change_goes_with_a_vcs_host(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    reason: str,
) -> None:
    """An option that nothing reads would look as if something had been checked."""
    install(tmp_path, monkeypatch)

    status, _, err = run(capsys, *words)

    assert status == 2
    assert reason in err
