from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine import Engine, PublishPolicy, Severity
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.sandbox import Isolation
from codeflow_engine.settings import Settings, load_settings, settings_path

VALUE = "hunter2-hunter2"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Give a function that writes a settings file."""

    def write_file(text: str | bytes) -> Path:
        path = tmp_path / "named.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file


@pytest.fixture
def own_file(hermetic_environment: Path) -> Path:
    """Make the directory of the user's own settings file, and give its path."""
    path = hermetic_environment / "config" / "codeflow" / "settings.toml"
    path.parent.mkdir(parents=True)
    return path


def refusal(file: Path | None = None, **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file, arguments)
    assert VALUE not in caught.value.message
    # Nothing that leads to the value is chained, where a report of the error would show it.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.message


def test_without_anything_the_defaults_count() -> None:
    """Memory, git, every analyzer, every installed plugin, half an hour."""
    settings = load_settings()

    assert (settings.storage, settings.vcs, settings.tenant) == (None, "git", "default")
    assert settings.analyzers is None
    assert settings.plugins_allow is None
    assert (settings.observers, settings.plugins, settings.isolation) == ((), {}, None)
    assert (settings.run_timeout, settings.analyzer_timeout) == (1800, 120)


def test_an_argument_wins_over_the_environment_and_that_over_the_file(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value comes from the nearest place that has one."""
    file = write('tenant = "file"\nstorage = "file"\nvcs = "file"\n')
    monkeypatch.setenv("CODEFLOW_STORAGE", "environment")
    monkeypatch.setenv("CODEFLOW_VCS", "environment")

    settings = load_settings(file, {"vcs": "argument"})

    assert (settings.tenant, settings.storage, settings.vcs) == ("file", "environment", "argument")


def test_an_argument_of_none_is_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """None stands for "not given", so that the next place is asked."""
    monkeypatch.setenv("CODEFLOW_TENANT", "environment")

    assert load_settings(None, {"tenant": None}).tenant == "environment"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" codeflow-acme , codeflow_x ,", ("codeflow-acme", "codeflow_x")),
        ("", ()),
        (",", ()),
        ("123,[x]", ("123", "[x]")),
    ],
)
@pytest.mark.parametrize("name", ["plugins_allow", "analyzers", "observers"])
def test_a_list_in_the_environment_is_split_at_its_commas(
    name: str, text: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CODEFLOW_PLUGINS_ALLOW=a,b` names two; an empty one names none, which is not "all"."""
    monkeypatch.setenv(f"CODEFLOW_{name.upper()}", text)

    assert getattr(load_settings(), name) == names


def test_an_empty_list_of_the_caller_allows_nothing() -> None:
    """`[]` is a value, unlike None."""
    assert load_settings(None, {"plugins_allow": []}).plugins_allow == ()


def test_settings_of_a_plugin_are_merged_from_all_places(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in the environment replaces that key of the file's section, and no other."""
    file = write('[plugins.acme]\nurl = "file"\nteam = "file"\n[plugins.other]\nx = 1\n')
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__URL", "environment")
    monkeypatch.setenv("CODEFLOW_PLUGINS__THIRD__Y", "environment")

    settings = load_settings(file, {"plugins": {"acme": {"mode": "argument"}}})

    assert settings.plugins == {
        "acme": {"url": "environment", "team": "file", "mode": "argument"},
        "other": {"x": 1},
        "third": {"y": "environment"},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://example.org", "https://example.org"),
        ("123456", "123456"),
        ("true", "true"),
        ("null", "null"),
        ('["a", "b"]', ["a", "b"]),
        (' {"a": 1}', {"a": 1}),
        ("[not json", "[not json"),
        ("{" * 100_000, "{" * 100_000),
        ("[" * 100_000, "[" * 100_000),
        ("", ""),
    ],
    ids=["url", "digits", "word", "null", "list", "object", "bracket", "braces", "deep", "empty"],
)
def test_a_setting_of_a_plugin_stays_the_text_that_it_is(
    text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of digits is no number; only a list or an object of JSON is read as one."""
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__TOKEN", text)

    assert load_settings().plugins == {"acme": {"token": value}}


def test_all_sections_may_stand_in_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, with single keys laid over it."""
    monkeypatch.setenv("CODEFLOW_PLUGINS", '{"acme": {"url": "a", "team": "x", "n": 1}}')
    monkeypatch.setenv("CODEFLOW_PLUGINS__ACME__URL", "b")

    assert load_settings().plugins == {"acme": {"url": "b", "team": "x", "n": 1}}


def test_a_named_file_wins_over_a_variable_and_that_over_the_users_own(
    write: Callable[..., Path], own_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is read, and no other."""
    own_file.write_text('tenant = "own"\nvcs = "own"\n')
    assert load_settings().tenant == "own"
    other = tmp_path / "other.toml"
    other.write_text('tenant = "variable"\n')
    monkeypatch.setenv("CODEFLOW_SETTINGS_FILE", str(other))
    assert (load_settings().tenant, load_settings().vcs) == ("variable", "git")

    assert load_settings(write('tenant = "named"\n')).tenant == "named"


def test_the_users_own_file_need_not_exist(own_file: Path) -> None:
    """Without it there is none, also where a directory has its name."""
    assert settings_path() is None
    own_file.mkdir()
    assert settings_path() is None


def test_without_a_variable_the_users_own_file_is_under_their_home(
    hermetic_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`~/.config` is where a desktop without `XDG_CONFIG_HOME` keeps it."""
    monkeypatch.delenv("XDG_CONFIG_HOME")
    path = hermetic_environment / ".config" / "codeflow" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text('tenant = "own"\n')

    assert settings_path() == path


def test_a_tilde_in_a_named_file_is_the_home(
    hermetic_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell does not expand it everywhere."""
    (hermetic_environment / "my.toml").write_text('tenant = "own"\n')
    monkeypatch.setenv("CODEFLOW_SETTINGS_FILE", "~/my.toml")

    assert load_settings().tenant == "own"


HOSTILE = f'tenant = "{VALUE}"\nplugins_allow = ["evil"]\n'


@pytest.mark.parametrize("home", ["usual", "empty", "relative", "dot"])
def test_s13_nothing_in_the_working_directory_is_settings(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout configures nothing, even where the user's own directory seems to be in it."""
    names = ["codeflow.toml", ".codeflow.toml", "settings.toml", "codeflow/settings.toml"]
    names += [".config/codeflow/settings.toml", ".settings.toml", "codeflow.settings.toml"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HOSTILE)
    (tmp_path / "pyproject.toml").write_text(f"[tool.codeflow]\n{HOSTILE}[tool.codeflow-engine]\n")
    (tmp_path / ".env").write_text(f"CODEFLOW_TENANT={VALUE}\nCODEFLOW_PLUGINS_ALLOW=evil\n")
    (tmp_path / ".env.local").write_text(f"CODEFLOW_TENANT={VALUE}\n")
    (tmp_path / "CODEFLOW_TENANT").write_text(VALUE)
    monkeypatch.chdir(tmp_path)
    if home != "usual":
        for variable in ("XDG_CONFIG_HOME", "HOME"):
            monkeypatch.setenv(variable, {"empty": "", "relative": "codeflow", "dot": "."}[home])

    assert load_settings() == Settings()


def test_a_process_without_a_home_has_no_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container with a made-up user is no reason to fail."""

    def unknown(uid: int) -> Any:
        raise KeyError(uid)

    for variable in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setattr("pwd.getpwuid", unknown)

    assert settings_path() is None


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        *(("argument", kind) for kind in ("missing", "directory", "nul", "too long", "no home")),
        *(("variable", kind) for kind in ("missing", "directory", "too long", "no home")),
    ],
)
def test_a_named_file_that_is_none_is_refused(
    way: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody named has to be a file, and the message names the path."""
    path = {
        "missing": tmp_path / "gone.toml",
        "directory": tmp_path,
        "nul": tmp_path / "a\0b",
        "too long": tmp_path / ("x" * 5000),
        "no home": Path("~no-such-user-of-ours/x.toml"),
    }[kind]
    if way == "variable":
        monkeypatch.setenv("CODEFLOW_SETTINGS_FILE", str(path))

    message = refusal(path if way == "argument" else None)

    assert repr(str(path)) in message
    assert message.startswith(("there is no settings file", "the settings file"))


@pytest.mark.parametrize(
    "content",
    [
        f"tenant = {VALUE}",
        f'tenant = "{VALUE}',
        f"tenant: {VALUE}",
        f'{{"tenant": "{VALUE}"}}',
        f'tenant = "{VALUE}"\ntenant = "{VALUE}"',
        f'tenant = "{VALUE}"\n'.encode("utf-16"),
        f'tenant = "{VALUE}\xff"'.encode("latin-1"),
        b"\xef\xbb\xbftenant = 'x'",
        b"x = " + b"[" * 5000,
    ],
    ids=["bare", "open", "yaml", "json", "twice", "utf-16", "latin-1", "mark", "deep"],
)
def test_a_file_that_is_no_toml_is_refused(
    content: str | bytes, write: Callable[..., Path]
) -> None:
    """The message names the file, and where in it, but none of its values."""
    file = write(content)

    assert refusal(file).startswith(f"the settings file {str(file)!r} cannot be read: ")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'tennant = "{VALUE}"', "tennant: Extra inputs are not permitted"),
        (f'[tenant]\nx = "{VALUE}"', "tenant: Input should be a valid string"),
        ('tenant = ""', "tenant: String should have at least 1 character"),
        (f'tenant = "{VALUE * 20}"', "tenant: String should have at most 200 characters"),
        (f'run_timeout = "{VALUE}"', "run_timeout: Input should be a valid number"),
        ("run_timeout = 0", "run_timeout: Input should be greater than 0"),
        ("run_timeout = nan", "run_timeout: Input should be greater than 0"),
        ("max_file_bytes = -1", "max_file_bytes: Input should be greater than 0"),
        ("analyzers = [1]", "analyzers.0: Input should be a valid string"),
        (f'isolation = "{VALUE}"', "isolation: Input should be 'bwrap', 'unshare' or 'none'"),
        (f'plugins = "{VALUE}"', "plugins: Input should be a valid dictionary"),
        (f'[plugins]\nacme = "{VALUE}"', "plugins.acme: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_key_or_value_in_a_file_is_refused_by_its_name(
    text: str, place: str, write: Callable[..., Path]
) -> None:
    """The message names the setting and the file, and never quotes the value."""
    file = write(text)

    message = refusal(file)

    assert message.startswith(f"settings from the arguments, CODEFLOW_* and {str(file)!r}: {place}")


@pytest.mark.parametrize(
    ("variable", "text", "place"),
    [
        ("RUN_TIMEOUT", VALUE, "run_timeout: Input should be a valid number"),
        ("ISOLATION", VALUE, "isolation: Input should be"),
        ("ISOLATION", "", "isolation: Input should be"),
        ("PLUGINS__ACME", VALUE, "plugins.acme: Input should be a valid dictionary"),
        ("PLUGINS", VALUE, 'error parsing value for field "plugins"'),
        ("PLUGINS", f'{{"acme": {VALUE}}}', 'error parsing value for field "plugins"'),
        ("PLUGINS", f'["{VALUE}"]', "plugins: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_value_in_the_environment_is_refused_by_its_name(
    variable: str, text: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting, and never quotes the value."""
    monkeypatch.setenv(f"CODEFLOW_{variable}", text)

    assert place in refusal()


@pytest.mark.parametrize("name", ["_env_file", "_secrets_dir", "_cli_parse_args", "_"])
def test_s13_a_key_that_steers_the_reading_itself_is_refused(
    name: str, write: Callable[..., Path]
) -> None:
    """The library below would take it for an option of its own."""
    assert f"there is no {name}" in refusal(write(f'{name} = "{VALUE}"\n'))


def test_a_wrong_argument_is_refused_by_its_name() -> None:
    """Arguments go through the same checks as files."""
    assert "tenant: String should have at least 1" in refusal(tenant="")
    assert "no_such_setting: Extra inputs" in refusal(no_such_setting=VALUE)


def test_settings_do_not_change() -> None:
    """What an engine was made with stays."""
    settings = load_settings()

    with pytest.raises(FrozenInstanceError):
        settings.tenant = "other"


def test_the_model_alone_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `load_settings` does, once, when an engine is made."""
    monkeypatch.setenv("CODEFLOW_TENANT", "environment")

    assert Settings().tenant == "default"
    assert load_settings().tenant == "environment"


def test_nothing_is_read_after_an_engine_is_made(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the environment nor the file has any effect later; the next engine sees both."""
    patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
    with Engine(analyzers=[]) as engine:
        own_file.write_text('vcs = "later"\n')
        monkeypatch.setenv("CODEFLOW_TENANT", "later")
        monkeypatch.setenv("CODEFLOW_RUN_TIMEOUT", "not a number")
        monkeypatch.setenv("CODEFLOW_SETTINGS_FILE", "/no/such/file")
        before = dict(os.environ)

        engine.review(patch)

        (run,) = engine.runs()
        assert run.record.tenant == "default"
        assert engine._engine._tools.settings.vcs == "git"
        assert dict(os.environ) == before
    with pytest.raises(ConfigurationError):
        Engine()


def test_an_engine_is_told_the_same_way_as_by_settings() -> None:
    """The options of an engine are the arguments of its settings."""
    with Engine(tenant="acme", isolation=Isolation.NONE, plugins_allow=["x"]) as engine:
        settings = engine._engine._tools.settings

    assert (settings.tenant, settings.isolation, settings.plugins_allow) == (
        *("acme", Isolation.NONE, ("x",)),
    )


def test_a_refusal_is_no_error_of_serialization() -> None:
    """Whoever makes an engine catches one type for all that is wrong with its settings."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, {"tenant": ""})

    assert not isinstance(caught.value, SerializationError)


def test_what_is_shown_of_settings_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger, an assertion and a log line show `repr`, and keys of backends are settings."""
    monkeypatch.setenv("CODEFLOW_PLUGINS__OPENAI__API_KEY", "canary-key-7f3a")
    monkeypatch.setenv("CODEFLOW_STORAGE", "postgresql+psycopg://me:canary-word-7f3a@host/db")
    monkeypatch.setenv("CODEFLOW_CACHE", "redis://:canary-word-7f3a@host/0")

    assert "canary" not in repr(load_settings())


def test_a_policy_of_publishing_comes_from_file_and_environment(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field by field; `none` is no severity, for which TOML has no word."""
    file = write('[publish]\nfail_at = "low"\nissues_at = "high"\nlabels = { bug = "high" }\n')
    monkeypatch.setenv("CODEFLOW_PUBLISH__FAIL_AT", "none")
    monkeypatch.setenv("CODEFLOW_PUBLISH__INLINE", "false")

    policy = load_settings(file).publish

    assert policy == PublishPolicy(
        fail_at=None, issues_at=Severity.HIGH, labels={"bug": "high"}, inline=False
    )


def test_a_policy_of_publishing_may_be_a_value() -> None:
    """Then nothing else counts for it."""
    policy = PublishPolicy(check=False)

    assert load_settings(None, {"publish": policy}).publish == policy


@pytest.mark.parametrize(
    "text", ["fail_at = 'grave'", "labels = { bug = 'grave' }", "fail = 'low'", "check_name = ''"]
)
def test_a_wrong_policy_of_publishing_is_refused(write: Callable[..., Path], text: str) -> None:
    """Where it comes from is said."""
    assert "named.toml" in refusal(write(f"[publish]\n{text}\n"))
