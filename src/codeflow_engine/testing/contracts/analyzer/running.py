"""How an analyzer runs: beside everything else of a host, in the sandbox, until it is ended."""

from __future__ import annotations

from pathlib import Path

from codeflow_engine.contracts import Analyzer, AnalyzerCapability
from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.testing.contracts.analyzer.asking import ask, silenced, substance
from codeflow_engine.testing.contracts.auditing import starts_seen
from codeflow_engine.testing.contracts.backend import lacks
from codeflow_engine.testing.contracts.cancelling import cancel_often
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall
from codeflow_engine.testing.examples import Example, ExampleFile

__all__ = ["RunTests"]


class RunTests:
    """Tests of how an analyzer runs."""

    async def test_it_does_not_block_the_event_loop(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """While it works, everything else of the host goes on."""
        analysis = everything.analysis()

        stall = await longest_stall(lambda: ask(backend, analysis, sandbox))

        assert stall < LONGEST_STALL

    async def test_it_ends_when_it_is_cancelled(
        self, backend: Analyzer, sandbox: Sandbox, large: Example
    ) -> None:
        """At any moment: soon, as cancelled, with every process; and it works afterwards."""
        before = await ask(backend, large.analysis(), sandbox)

        await cancel_often(lambda: backend.analyze(large.analysis(), sandbox))

        assert substance(await ask(backend, large.analysis(), sandbox)) == substance(before)

    async def test_it_starts_processes_in_the_sandbox_alone(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """Where the sandbox starts none, none is started, and nothing is clean for that."""
        whole = await ask(backend, small.analysis(), sandbox)
        closed = Sandbox()
        await closed.aclose()

        with starts_seen() as started:
            report = await ask(backend, small.analysis(), closed, may_crash=True)

        assert started == []
        assert silenced(small.diff, whole, report) == []

    @lacks(AnalyzerCapability.EXECUTES_CHANGE)
    async def test_it_runs_nothing_of_the_change(self, backend: Analyzer, tmp_path: Path) -> None:
        """Without that capability it may run where nothing isolates it, so it must not."""
        witness = tmp_path / "witness"
        async with Sandbox(prefer=Isolation.NONE) as sandbox:
            await ask(backend, _trapped(witness).analysis(), sandbox)

        assert not witness.exists(), "code of the change has run"


def _trapped(witness: Path) -> Example:
    """Make a change of files that tools like to run, each of which writes a file."""
    path = str(witness)
    python = f"open({path!r}, 'w').close()\n"
    script = f"require('fs').writeFileSync({path!r}, '')\n"
    files = {
        **dict.fromkeys(("__init__.py", "conftest.py", "setup.py", "noxfile.py"), python),
        **dict.fromkeys(("sitecustomize.py", "usercustomize.py", "ast.py", "json.py"), python),
        **dict.fromkeys((".eslintrc.js", "eslint.config.js", "gulpfile.js"), script),
        ".pylintrc": f"[MASTER]\ninit-hook={python}",
        "Makefile": f"all:\n\t: > {path}\n$(shell : > {path})\n",
        "package.json": f'{{"scripts": {{"preinstall": ": > {path}"}}}}\n',
        "mypy.ini": "[mypy]\nplugins = conftest.py\n",
        "run.sh": f": > {path}\n",
    }
    return Example(
        name="traps", base={}, head={name: ExampleFile.of(text) for name, text in files.items()}
    )
