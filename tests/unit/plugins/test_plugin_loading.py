from __future__ import annotations

import pickle
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

import pytest

from codeflow_engine.errors import PluginError
from codeflow_engine.plugins.loader import LoadedPlugins, load_plugins
from codeflow_engine.plugins.registry import Kind

if TYPE_CHECKING:
    from conftest import Site

REGISTER = """
from codeflow_engine import hookimpl

@hookimpl
def codeflow_register(registry):
    registry.add_analyzer("{name}", "{module}:Analyzer")
"""


def good(module: str, name: str = "acme") -> dict[str, str]:
    return {module: REGISTER.format(name=name, module=module)}


def told(loaded: LoadedPlugins) -> dict[str, str]:
    return {failure.origin: failure.error.message for failure in loaded.failures}


def test_an_installed_plugin_loads_and_is_named_by_its_distribution(site: Site) -> None:
    """An offer knows the distribution, its version and the entry point that made it."""
    site.install("codeflow-acme", good("codeflow_acme"), points={"acme": "codeflow_acme"})

    loaded = load_plugins()

    assert loaded.registry.find(Kind.ANALYZER, "acme").origin == "codeflow-acme 1.0 (acme)"
    assert not loaded.failures


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import no_such_module_of_ours", "ModuleNotFoundError: No module named"),
        ("def (", "SyntaxError: invalid syntax"),
        ("class Panic(BaseException): pass\nraise Panic('lost')", "Panic: lost"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        (
            "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute('x')",
            "Mute",
        ),
    ],
    ids=["raises", "exits", "import-error", "syntax-error", "panic", "cancelled", "mute"],
)
def test_s30_a_plugin_that_fails_at_import_harms_nobody(
    site: Site, source: str, error: str
) -> None:
    """Whatever its module raises is recorded under its name; the others load."""
    site.install("codeflow-bad", {"codeflow_bad": source}, points={"bad": "codeflow_bad"})
    site.install("codeflow-good", good("codeflow_good"), points={"good": "codeflow_good"})

    loaded = load_plugins()

    (failure,) = loaded.failures
    assert failure.origin == "codeflow-bad 1.0 (bad)"
    assert failure.error.message.startswith(f"codeflow-bad 1.0 (bad): cannot be imported: {error}")
    assert failure.error.__cause__ is not None
    assert "acme" in loaded.registry.names(Kind.ANALYZER)
    assert "secrets" in loaded.registry.names(Kind.ANALYZER)


def test_an_interrupt_during_an_import_reaches_the_user(site: Site) -> None:
    """Ctrl-C is nobody's failure: it is not swallowed by the isolation of plugins."""
    source = {"codeflow_slow": "raise KeyboardInterrupt"}
    site.install("codeflow-slow", source, points={"slow": "codeflow_slow"})

    with pytest.raises(KeyboardInterrupt):
        load_plugins()


@pytest.mark.parametrize(
    "value", ["codeflow_gone", "codeflow_here:gone", "codeflow_here:a.b", "not a reference!", ""]
)
def test_an_entry_point_that_leads_nowhere_is_recorded(site: Site, value: str) -> None:
    """A missing module or attribute, and a value of no form, are failures of that plugin."""
    site.install("codeflow-here", {"codeflow_here": ""}, points={"here": value})

    loaded = load_plugins()

    (failure,) = loaded.failures
    assert failure.error.message.startswith("codeflow-here 1.0 (here): cannot be imported: ")


def test_a_plugin_whose_registration_fails_half_way_leaves_nothing(site: Site) -> None:
    """Offers made before the error are not kept, and its other hooks are never called."""
    source = """
from codeflow_engine import hookimpl

@hookimpl
def codeflow_register(registry):
    registry.add_analyzer("half", "codeflow_half:Analyzer")
    raise OSError("disk on fire")

@hookimpl
def codeflow_run_event(event):
    raise AssertionError("never called")
"""
    site.install("codeflow-half", {"codeflow_half": source}, points={"half": "codeflow_half"})

    loaded = load_plugins()

    assert told(loaded) == {
        "codeflow-half 1.0 (half)": (
            "codeflow-half 1.0 (half): cannot be registered: OSError: disk on fire"
        )
    }
    assert "half" not in loaded.registry.names(Kind.ANALYZER)
    assert loaded.implementations("codeflow_run_event") == []


def test_two_distributions_with_the_same_entry_point_name_both_load(site: Site) -> None:
    """The name of an entry point is not the name of a backend, and may repeat."""
    site.install("codeflow-a", good("codeflow_a", "one"), points={"plugin": "codeflow_a"})
    site.install("codeflow-b", good("codeflow_b", "two"), points={"plugin": "codeflow_b"})

    loaded = load_plugins()

    assert not loaded.failures
    assert {"one", "two"} <= set(loaded.registry.names(Kind.ANALYZER))


def test_an_entry_point_that_stands_twice_in_one_distribution_loads_once(site: Site) -> None:
    """The second line is refused, and the first one stays in use."""
    points = "[codeflow_engine]\nacme = codeflow_one\nacme = codeflow_two\n"
    modules = good("codeflow_one", "one") | good("codeflow_two", "two")
    site.install("codeflow-acme", modules, points=points)

    loaded = load_plugins()

    (message,) = told(loaded).values()
    assert message.startswith("codeflow-acme 1.0 (acme): it is registered already")
    found = set(loaded.registry.names(Kind.ANALYZER)) & {"one", "two"}
    assert found == {"one"}


def test_plugins_load_in_the_order_of_their_names(site: Site) -> None:
    """The order of installation, which differs between machines, makes no difference."""
    for name in ("codeflow-c", "codeflow-a", "codeflow-b"):
        module = name.replace("-", "_")
        site.install(name, {module: "import nothing_of_ours"}, points={"x": module})

    failures = load_plugins().failures

    assert [failure.origin[:10] for failure in failures] == [
        "codeflow-a",
        "codeflow-b",
        "codeflow-c",
    ]


@pytest.mark.parametrize(
    "points",
    ["[codeflow_engine]\nno equals sign\n", "[other]\nno equals sign\n"],
    ids=["ours", "foreign"],
)
def test_a_malformed_distribution_harms_nobody(site: Site, points: str) -> None:
    """Entry points that cannot be read, of any package, are recorded; the others load."""
    site.install("broken", points=points)
    site.install("codeflow-good", good("codeflow_good"), points={"good": "codeflow_good"})

    loaded = load_plugins()

    (failure,) = loaded.failures
    assert failure.origin == "broken 1.0"
    assert failure.error.message.startswith("broken 1.0: its entry points cannot be read: ")
    assert "acme" in loaded.registry.names(Kind.ANALYZER)


def test_beside_a_malformed_distribution_the_first_on_the_path_still_counts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two distributions of one name, only the one that is found first is looked at."""
    hidden = site.beside("hidden")
    monkeypatch.setattr(sys, "path", [*sys.path, str(hidden.path)])
    site.install("broken", points="[x]\nno equals sign\n")
    site.install("Codeflow.Acme", good("codeflow_acme"), points={"acme": "codeflow_acme"})
    hidden.install("codeflow-acme", version="0.9", points={"acme": "codeflow_gone"})

    loaded = load_plugins()

    assert [failure.origin for failure in loaded.failures] == ["broken 1.0"]
    assert loaded.registry.find(Kind.ANALYZER, "acme").origin == "Codeflow.Acme 1.0 (acme)"


@pytest.mark.parametrize(
    "metadata", [b"", b"Metadata-Version: 2.1\n", b"\xff\xfe\x00"], ids=["empty", "nameless", "raw"]
)
def test_a_distribution_without_a_readable_name_still_loads(site: Site, metadata: bytes) -> None:
    """Its plugin is named by its entry point instead."""
    site.install(
        "codeflow-odd", good("codeflow_odd"), points={"odd": "codeflow_odd"}, metadata=metadata
    )

    loaded = load_plugins()

    assert not loaded.failures
    assert loaded.registry.find(Kind.ANALYZER, "acme").origin == "codeflow_odd (odd)"


def test_a_nameless_distribution_that_cannot_be_read_is_recorded(site: Site) -> None:
    """Even what has no name and no readable entry points is told, not passed over."""
    site.install("odd", points="[x]\nno equals sign\n", metadata=b"\xff")

    (failure,) = load_plugins().failures

    assert failure.origin == "a distribution without a name"


def test_what_is_listed_twice_counts_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some libraries put a second finder into the process, which lists everything again."""

    class Second(PathFinder):
        """Comes with `find_distributions`, as every kind of `PathFinder` does."""

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Second])
    site.install("odd", points="[x]\nno equals sign\n", metadata=b"\xff")
    for name in ("codeflow-named", "codeflow-less"):
        module = name.replace("-", "_")
        metadata = b"" if name.endswith("less") else None
        site.install(name, good(module, name), points={"x": module}, metadata=metadata)

    loaded = load_plugins()

    assert [failure.origin for failure in loaded.failures] == ["a distribution without a name"]
    assert {"codeflow-named", "codeflow-less"} <= set(loaded.registry.names(Kind.ANALYZER))


def test_a_plugin_of_another_contract_version_is_left_out(site: Site) -> None:
    """Its other offers are in use; the failure says what was asked and what is spoken."""
    source = """
from codeflow_engine import hookimpl

@hookimpl
def codeflow_register(registry):
    registry.add_analyzer("new", "codeflow_new:A", contract_version=2)
    registry.add_analyzer("old", "codeflow_new:A", contract_version=0)
    registry.add_analyzer("now", "codeflow_new:A", contract_version=1)
"""
    site.install("codeflow-new", {"codeflow_new": source}, points={"new": "codeflow_new"})

    loaded = load_plugins()

    speaks = "this engine speaks 1 to 1"
    assert [failure.error.message for failure in loaded.failures] == [
        f"codeflow-new 1.0 (new): analyzer {name!r} was written for contract version {version}; "
        f"{speaks}"
        for name, version in (("new", 2), ("old", 0))
    ]
    assert {"new", "old", "now"} & set(loaded.registry.names(Kind.ANALYZER)) == {"now"}


def test_a_failure_survives_pickling(site: Site) -> None:
    """What `engine.plugins.failures` gives can be sent to another process."""
    site.install("codeflow-bad", {"codeflow_bad": "1 / 0"}, points={"bad": "codeflow_bad"})
    (failure,) = load_plugins().failures

    again = pickle.loads(pickle.dumps(failure))  # noqa: S301 - made on this line

    assert again.origin == failure.origin
    assert isinstance(again.error, PluginError)
    assert again.error.message == failure.error.message
