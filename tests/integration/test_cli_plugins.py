"""`codeflow plugins`, `codeflow doctor`, and the program without its extra."""

from __future__ import annotations

import re
import subprocess
import sys
from email.message import Message
from importlib.metadata import version
from pathlib import Path

import pytest
from cli_runs import environment, install_plugin, use_plugin

from codeflow_engine import Engine, errors
from codeflow_engine.errors import CodeflowError
from codeflow_engine.hosts.cli import checks, main
from codeflow_engine.hosts.cli.checks import check_git, check_isolation
from codeflow_engine.hosts.cli.exits import Exit, exit_of
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.reports.style import Style
from codeflow_engine.sandbox import Sandbox


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty directory, with no variable of ours set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def rows(out: str) -> list[list[str]]:
    """Split a table into its cells."""
    return [re.split(r" {2,}", line.strip()) for line in out.splitlines()]


def test_plugins_lists_every_backend(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kind, name, origin and state of each; a package that is missing is no failure."""
    use_plugin(monkeypatch, install_plugin(here))
    status = main(["plugins"])
    cells = rows(capsys.readouterr().out)

    assert status == 0
    assert cells[0] == ["KIND", "NAME", "ORIGIN", "STATE"]
    assert ["vcs", "git", "shipped", "available"] in cells
    assert ["analyzer", "quiet", "codeflow-tests 1.2 (tests)", "available"] in cells
    assert [
        "analyzer",
        "absent",
        "codeflow-tests 1.2 (tests)",
        "not installed: pip install 'codeflow-absent[sdk]'",
    ] in cells


def test_a_broken_plugin_is_listed_and_exits_with_3(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed is named with its reason, hostile text in it escaped."""
    code = "raise RuntimeError('broken \\x1b[31m\\nplugin')"
    use_plugin(monkeypatch, install_plugin(here, code=code))
    status = main(["plugins"])
    out = capsys.readouterr().out

    assert status == 3
    assert "1 failure:\ncodeflow-tests 1.2 (tests)  " in out
    assert r"RuntimeError: broken \x1b[31m plugin" in out
    assert "vcs" in out


def test_a_backend_that_cannot_be_loaded_exits_with_3(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An offer whose import fails for no missing package is a failure."""
    code = (
        "from codeflow_engine import hookimpl\n\n\n"
        "@hookimpl\ndef codeflow_register(registry):\n"
        "    registry.add_analyzer('lost', 'codeflow_tests:Lost')\n"
    )
    use_plugin(monkeypatch, install_plugin(here, code=code))
    status = main(["plugins"])

    assert status == 3
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    (lost,) = [row for row in rows if row[:2] == ["analyzer", "lost"]]
    assert "failed:" in lost


def test_doctor_finds_everything_in_order(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Versions, git, isolation, settings, plugins and extras are told; it ends with ok."""
    settings = here / "config" / "codeflow" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('tenant = "acme-secret-name"\n')
    monkeypatch.setenv("CODEFLOW_RUN_TIMEOUT", "77.5")
    status = main(["doctor"])
    out = capsys.readouterr().out
    told = {row[1]: row for row in rows(out) if len(row) > 2}

    assert status == 0
    assert told["version"][2] == f"codeflow-engine {version('codeflow-engine')}"
    assert told["python"][2].endswith("{}.{}.{}".format(*sys.version_info[:3]))
    assert told["git"][2].startswith("git version ")
    assert told["isolation"][2].split(":")[0] in {"bwrap", "unshare", "none"}
    assert told["settings"] == ["ok", "settings", str(settings)]
    assert told["environment"] == ["ok", "environment", "CODEFLOW_RUN_TIMEOUT"]
    assert told["plugins"][2].endswith("backends are available")
    assert re.search(r"installed: .*\bcli\b.*; not installed: ", out)
    assert out.splitlines()[-1].startswith("ok")
    assert "77.5" not in out
    assert "acme-secret-name" not in out


def test_doctor_tells_every_problem_and_exits_with_3(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong settings do not keep it from looking at the rest."""
    monkeypatch.setenv("CODEFLOW_RUN_TIMEOUT", "soon")
    monkeypatch.setenv("CODEFLOW_RUNTIMEOUT", "1")
    status = main(["doctor"])
    out = capsys.readouterr().out
    cells = rows(out)

    assert here.is_dir()
    assert status == 3
    assert [row[:2] for row in cells if row[0] == "problem"] == [["problem", "settings"]]
    assert ["warning", "environment", "nobody reads CODEFLOW_RUNTIMEOUT"] in cells
    assert ["warning", "plugins", "not looked at, since the settings are wrong"] in cells
    assert re.fullmatch(r"not ok: 1 problem, [23] warnings", out.splitlines()[-1])


def test_doctor_reports_a_broken_plugin(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plugin that cannot be imported is a problem."""
    use_plugin(monkeypatch, install_plugin(here, code="raise RuntimeError('broken')"))
    status = main(["doctor"])
    out = capsys.readouterr().out

    assert status == 3
    assert re.search(r"^problem +plugins +.*RuntimeError: broken", out, re.MULTILINE)


def test_doctor_tells_what_a_backend_lacks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that name what is not there, and no isolation, are told."""
    (here / "wrong.toml").write_text('storage = "nowhere"\nisolation = "none"\n')
    status = main(["doctor", "--settings", "wrong.toml"])
    cells = rows(capsys.readouterr().out)

    assert status == 3
    assert ["problem", "plugins"] in [row[:2] for row in cells]
    assert ["warning", "isolation"] in [row[:2] for row in cells]
    assert any("no storage is named 'nowhere'" in row[-1] for row in cells)


async def test_doctor_tells_an_old_git(tmp_path: Path) -> None:
    """A git that is too old, speaks strangely, or is not there, is a problem."""
    program = tmp_path / "git"
    (tmp_path / "python").symlink_to(sys.executable)
    told = []
    for said in ("echo git version 2.30.9", "echo hello", "exit 1", "echo git version 3.1.0"):
        program.write_text(f"#!/bin/sh\n{said}\n")
        program.chmod(0o755)
        async with Sandbox(python=str(tmp_path / "python")) as sandbox:
            check = await check_git(sandbox)
            told.append((check.state, check.told))

    assert told == [
        ("problem", "git version 2.30.9; 2.33 or newer is needed"),
        ("problem", "hello; 2.33 or newer is needed"),
        ("problem", "git ended with exit status 1; patches can be reviewed, repositories cannot"),
        ("ok", "git version 3.1.0"),
    ]


async def test_doctor_tells_a_sandbox_that_cannot_work() -> None:
    """Without an interpreter there is no isolation, and no crash either."""
    async with Sandbox(python="") as sandbox:
        check = await check_isolation(sandbox)

    assert check.state == "problem"
    assert "interpreter" in check.told


def test_version_names_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints one line."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"codeflow-engine {version('codeflow-engine')}\n"


def test_help_needs_no_engine() -> None:
    """Help, of the program and of each command, loads no engine and no rich."""
    code = (
        "import sys\nfrom codeflow_engine.hosts.cli import main\n"
        "print([main([*words, '--help']) for words in ([], ['review'], ['plugins'], ['doctor'])])\n"
        "print({'rich', 'codeflow_engine.engine', 'codeflow_engine.settings'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), check=True, text=True
    )

    assert done.stdout.splitlines()[-2:] == ["[0, 0, 0, 0]", "set()"]
    assert "--fail-on <critical|high|medium|low|info|never>" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("words", [[], ["nothing"]])
def test_no_command_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command there is help on standard error, and a wrong one is told."""
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "No such command 'nothing'" in told.err if words else "Commands:" in told.err


def test_without_its_extra_the_program_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where typer is not installed, one line says what to install."""
    monkeypatch.setitem(sys.modules, "typer", None)

    assert main(["--version"]) == 2
    told = 'error: the command line is an extra: pip install "codeflow-engine[cli]"\n'
    assert capsys.readouterr().err == told


def test_another_missing_module_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the installation is not explained away."""
    monkeypatch.setitem(sys.modules, "codeflow_engine.hosts.cli.commands", None)

    with pytest.raises(ModuleNotFoundError, match="commands"):
        main(["--version"])


def test_the_module_runs_as_the_program() -> None:
    """`python -m codeflow_engine.hosts.cli` is the program, with the words of the process."""
    words = [sys.executable, "-m", "codeflow_engine.hosts.cli", "--version"]

    ran = subprocess.run(words, capture_output=True, text=True, check=False)

    assert ran.returncode == 0
    assert ran.stdout.startswith("codeflow-engine ")


def test_a_review_says_which_plugins_it_does_without(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a plugin that cannot be loaded would have found is in no ledger, so it is told."""
    use_plugin(monkeypatch, install_plugin(here, code="import codeflow_nothing_such\n"))
    patch = here / "a.diff"
    patch.write_text("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n")

    status = main(["review", "--diff", str(patch), "--db", "memory"])

    told = capsys.readouterr()
    assert status == Exit.OK
    assert "warning: a plugin is not in use: " in told.err
    assert "codeflow_nothing_such" in told.err


def test_an_extra_is_installed_only_where_all_of_its_packages_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package that several extras share counts for each of them."""
    needed = [
        'rich (>=15.0) ; extra == "cli" or extra == "all"',
        'codeflow-nothing-such ; extra == "sdk" or extra == "all"',
    ]
    monkeypatch.setattr(checks, "requires", lambda name: needed)
    monkeypatch.setattr(checks, "metadata", lambda name: Message())

    told = checks._check_extras().told

    assert told == "installed: cli; not installed: all, sdk"


def test_a_plugin_that_is_not_in_use_is_logged(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A host reads in its log what it does without, for each engine that it makes."""
    use_plugin(monkeypatch, install_plugin(here, code="import codeflow_nothing_such\n"))

    with caplog.at_level("WARNING", "codeflow_engine"), Engine():
        pass

    (told,) = [vars(record) for record in caplog.records]
    assert "codeflow-tests" in told["plugin"]
    assert "codeflow_nothing_such" in told["error"]


MISSET = """
import codeflow_engine


@codeflow_engine.hookimpl
def codeflow_register(registry):
    registry.add_analyzer(
        "misset",
        "codeflow_engine.providers.analyzer.secrets:SecretsAnalyzer",
        settings="codeflow_engine.providers.analyzer.secrets:NoSuchSettings",
    )
"""


def test_settings_that_cannot_be_loaded_are_a_problem_of_their_backend(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found before a user sets anything."""
    use_plugin(monkeypatch, install_plugin(here, code=MISSET))

    with Engine() as engine:
        (offer,) = [one for one in engine.plugins.backends if one.name == "misset"]
        problem = engine.plugins.problem(offer)

    assert problem is not None
    assert "NoSuchSettings" in problem.message


SHELF = """
import codeflow_engine
from codeflow_engine.storage.memory import MemoryStorage


class Shelf(MemoryStorage):
    def __init__(self, url):
        super().__init__()


@codeflow_engine.hookimpl
def codeflow_register(registry):
    registry.add_storage("shelf", Shelf, schemes=("shelf",))
"""


def test_a_history_may_be_in_a_storage_that_has_no_cache_beside_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plugin's storage is used by its URL, and `db check` says whose tables it knows."""
    use_plugin(monkeypatch, install_plugin(here, code=SHELF))
    patch = here / "a.diff"
    patch.write_text("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n")

    reviewed = main(["review", "--diff", str(patch), "--db", "shelf:///a"])
    checked = main(["db", "check", "--db", "shelf:///a"])

    assert (reviewed, checked) == (Exit.OK, Exit.USAGE)
    assert "the storage sql alone" in capsys.readouterr().err


def test_every_error_has_an_exit_status() -> None:
    """What a caller can mend is 2, all else is 3, and nothing is 0 or 1."""
    usage = {
        *("CassetteError", "ChangeUnavailableError", "ConfigurationError", "DiffError"),
        "DisclosureError",
        *("MissingDependencyError", "PluginConflictError", "PluginError", "UnknownBackendError"),
    }
    kinds = [getattr(errors, name) for name in errors.__all__]
    made: list[CodeflowError] = [kind.__new__(kind) for kind in kinds]

    assert {type(e).__name__ for e in made if exit_of(e) is Exit.USAGE} == usage
    assert {exit_of(error) for error in made} == {Exit.USAGE, Exit.INCOMPLETE}


def test_a_table_aligns_and_wraps_its_last_column() -> None:
    """Wide characters count as two cells; hostile ones are escaped."""
    text = table([("字", "a", "one two"), ("x\x1b", "bb", "three")], Style(width=30))

    assert text == "字     a   one two\nx\\x1b  bb  three\n"
    assert table([("a", "one two three four five six")], Style(width=20)) == (
        "a  one two three four\n   five six\n"
    )
