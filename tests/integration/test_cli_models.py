"""Models on the command line: `codeflow doctor --llm`, and the dry run of a review."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH, TOKEN, codeflow, commit, git, make_repository
from openai_asking import CHAT

from codeflow_engine.hosts.cli import main

type Told = tuple[int, str, str]
type Run = Callable[..., Told]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run the program in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Told:
        status = main([*words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status: int = 200
    body: Any = CHAT

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        told = json.dumps(self.body).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(status: int, body: Any) -> Iterator[str]:
    """Serve the chat interface on this machine, with one answer for all; give its URL.

    The program has an event loop of its own, so this server runs in a thread.
    """
    handler = type("Handler", (_Handler,), {"status": status, "body": body})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def models(out: str) -> list[list[str]]:
    """Give state and text of what the doctor said of models."""
    told = [re.split(r" {2,}", line.strip(), maxsplit=2) for line in out.splitlines()]
    return [[row[0], row[2]] for row in told if len(row) == 3 and row[1] == "models"]


def test_doctor_asks_each_model(run: Run) -> None:
    """An answer proves a model; echo costs nothing, and says so."""
    status, out, _ = run("doctor", "--llm", "echo:echo", "--llm", "echo:other")

    assert status == 0
    said = [(state, re.sub(r"\d+\.\d s", "N s", text)) for state, text in models(out)]
    assert said == [
        ("ok", "echo:echo: echo answered in N s, 0.0000 USD"),
        ("ok", "echo:other: other answered in N s, 0.0000 USD"),
    ]


def test_doctor_says_where_no_model_is_named(run: Run) -> None:
    """Reviews work without one, so it is no problem."""
    status, out, _ = run("doctor")

    assert (status, models(out)) == (0, [["ok", "no model is configured"]])


def test_doctor_asks_the_models_of_the_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `--llm` those of the file or of the variable are asked; with it, those named."""
    (tmp_path / "s.toml").write_text('llm = ["echo:filed"]\n')

    _, filed, _ = run("doctor", "--settings", "s.toml")
    monkeypatch.setenv("CODEFLOW_LLM", "echo:first,echo:second")
    _, variable, _ = run("doctor")
    _, named, _ = run("doctor", "--llm", "echo:named")

    found = [[text.partition(": ")[0] for _, text in models(out)] for out in (filed, variable)]
    assert found == [["echo:filed"], ["echo:first", "echo:second"]]
    assert [text.partition(": ")[0] for _, text in models(named)] == ["echo:named"]


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai:gpt-5.1", "OPENAI_API_KEY or CODEFLOW_PLUGINS__OPENAI__API_KEY"),
        (
            "anthropic:claude-sonnet-5-5",
            "ANTHROPIC_API_KEY or CODEFLOW_PLUGINS__ANTHROPIC__API_KEY",
        ),
        ("mistral:mistral-large-latest", "MISTRAL_API_KEY or CODEFLOW_PLUGINS__MISTRAL__API_KEY"),
        ("groq:llama-3.3-70b-versatile", "GROQ_API_KEY or CODEFLOW_PLUGINS__GROQ__API_KEY"),
    ],
    ids=["openai", "anthropic", "mistral", "groq"],
)
def test_a_missing_key_names_its_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, model: str, variable: str
) -> None:
    """Whoever has not set it up reads what to set, and nothing is sent anywhere."""
    monkeypatch.delenv(variable.partition(" ")[0], raising=False)

    status, out, _ = run("doctor", "--llm", model)

    assert status == 3
    [[state, text]] = models(out)
    assert state == "problem"
    assert text.endswith(f"has no key: set {variable}")


def test_a_key_that_is_not_accepted_is_a_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place, the model and the variable are told, and never the key or what was said of it."""
    key = "sk-" + "wrong" * 4
    said = {"error": {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}}
    with serving(401, said) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", key)

        status, out, _ = run("doctor", "--llm", "openai:gpt-5.1")

    [[state, text]] = models(out)
    assert (status, state) == (3, "problem")
    assert text == (
        f"openai:gpt-5.1 at {url}: openai:gpt-5.1 answered HTTP 401 (invalid_api_key): "
        "the key is not accepted; see OPENAI_API_KEY or CODEFLOW_PLUGINS__OPENAI__API_KEY"
    )
    assert key not in out


def test_a_model_that_is_not_there_is_a_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the name of a model is told from a wrong key."""
    said = {"error": {"message": "The model `gpt-51` does not exist", "code": "model_not_found"}}
    with serving(404, said) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)

        status, out, _ = run("doctor", "--llm", "openai:gpt-51")

    [[state, text]] = models(out)
    assert (status, state) == (3, "problem")
    assert "no such model, or no such place: see base_url" in text


def test_a_place_where_nobody_listens_is_a_problem(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is not up is told at once: it is tried once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")

    status, out, _ = run("doctor", "--llm", "openai:llama")

    [[state, text]] = models(out)
    assert (status, state) == (3, "problem")
    assert text.endswith("openai:llama cannot be reached: nothing listens there")


def test_a_model_that_answers_is_told_with_its_place(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without a key works, the model that answered is told, and so is no price."""
    with serving(200, CHAT) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)

        status, out, _ = run("doctor", "--llm", "openai:never-heard-of")

    [[state, text]] = models(out)
    assert (status, state) == (0, "ok")
    assert text.startswith(f"openai:never-heard-of at {url}: asked-model-2026 answered in ")
    assert text.endswith(", cost not known")


def test_a_model_that_thinks_beyond_the_limit_of_a_trial_works(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is cut off before its first word proves key, place and model as well."""
    thinking = {"index": 0, "finish_reason": "length", "message": {"content": ""}}
    with serving(200, {**CHAT, "choices": [thinking]}) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)

        status, out, _ = run("doctor", "--llm", "openai:thinks")

    assert (status, [state for state, _ in models(out)]) == (0, ["ok"])


def test_a_provider_that_nobody_offers_is_a_problem(run: Run) -> None:
    """The names that exist are told."""
    status, out, _ = run("doctor", "--llm", "opneai:gpt-5.1")

    [[state, text]] = models(out)
    assert (status, state) == (3, "problem")
    assert "opneai" in text
    assert "openai" in text


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a repository whose working tree holds a change of each kind."""
    repository = make_repository(tmp_path)
    commit(repository, "policy", {".codeflow.toml": 'exclude = ["*.min.js"]\n'})
    (repository / "payroll").mkdir()
    for name, text in {
        "a.py": f'import os\nKEY = "{TOKEN}"\n',
        "app.min.js": "x=1\n",
        "payroll/rates.py": "RATE = 1\n",
        "z \x1b[31m.py": "x = 1\n",
    }.items():
        (repository / name).write_text(text)
    return repository


def table(out: str) -> dict[str, list[str]]:
    """Read the rows of a dry run: what stands before the name of each file."""
    rows = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    return {row[-1]: row[:-1] for row in rows}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_dry_run_tells_who_would_be_sent_what(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file of the change has a row: its model, or why nobody; secrets are counted."""
    monkeypatch.setenv("CODEFLOW_WITHHELD", '{"*": ["payroll/"]}')

    status, out, err = run("review", str(shop), "--dry-run", "--llm", "echo:echo")

    assert (status, err) == (0, "")
    assert TOKEN not in out
    rows = table(out)
    assert rows["a.py (1 secret left out)"][1:] == ["0.0000 USD", "echo:echo"]
    assert rows["app.min.js (excluded by '*.min.js' in .codeflow.toml of the base)"] == ["nobody"]
    withheld = "payroll/rates.py (withheld from every model by the host's rules)"
    assert rows[withheld] == ["nobody"]
    assert rows[r"z \x1b[31m.py"][1:] == ["0.0000 USD", "echo:echo"]
    assert "\x1b" not in out
    summary = out.splitlines()[-1]
    assert re.match(r"[\d,]+ +0\.0000 USD +in all +2 of 4 files in 1 question; at most", summary)
    shown = ("a.py", "z ", "what questions say")
    sent = [number(row[0]) for name, row in rows.items() if name.startswith(shown)]
    assert number(summary.split()[0]) == sum(sent) > 0


def test_a_dry_run_says_that_a_cost_is_not_known(run: Run, tmp_path: Path) -> None:
    """A model without a price makes the sum unknown, and never 0; no key is needed for it."""
    (tmp_path / "change.patch").write_text(CLEAN_PATCH)

    status, out, _ = run(
        "review", "--diff", "change.patch", "--dry-run", "--llm", "openai:never-heard-of"
    )

    assert status == 0
    *_, file, _, summary = out.splitlines()
    assert re.fullmatch(r"[\d,]+ +cost not known +openai:never-heard-of +a\.py", file)
    assert re.match(r"[\d,]+ +cost not known +in all +1 of 1 file in 1 question;", summary)


def test_a_dry_run_as_json_holds_the_text_that_would_be_sent(run: Run, tmp_path: Path) -> None:
    """Whoever wants to see it word for word can; secrets are not in it."""
    (tmp_path / "change.patch").write_text(LEAK_PATCH)
    words = ("review", "--diff", "change.patch", "--dry-run", "--llm", "echo:echo")

    status, out, _ = run(*words, "--format", "json")
    written = run(*words, "--format", "json", "--output", "told.json")

    told = json.loads(out)
    [file], [question] = told["files"], told["questions"]
    assert status == 0
    assert '+KEY = "[redacted:' in question["messages"][-1]["text"]
    assert (file["secrets"], question["secrets"], TOKEN in out) == (1, 1, False)
    assert told["tokens"] == question["tokens"]
    assert written[:2] == (0, "")
    assert (tmp_path / "told.json").read_text() == out


def test_a_dry_run_is_told_in_no_other_form(run: Run, tmp_path: Path) -> None:
    """A form of reports that a dry run does not have is refused, and not passed over."""
    (tmp_path / "change.patch").write_text(CLEAN_PATCH)

    status, out, err = run(
        *("review", "--diff", "change.patch", "--dry-run", "--llm", "echo:echo"),
        *("--format", "sarif"),
    )

    assert (status, out) == (2, "")
    assert "text or json, not as sarif" in err


def test_a_dry_run_without_a_model_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    """Where nothing would be sent it says so, and what to name."""
    (tmp_path / "change.patch").write_text(CLEAN_PATCH)

    status, _, err = run("review", "--diff", "change.patch", "--dry-run")

    assert status == 2
    assert "name one, such as llm='openai:gpt-5.1' or CODEFLOW_LLM" in err


def test_a_review_asks_the_models_that_are_named(run: Run, tmp_path: Path) -> None:
    """A model that accounts for nothing leaves the review incomplete, whatever else ran."""
    (tmp_path / "change.patch").write_text(CLEAN_PATCH)

    status, out, _ = run("review", "--diff", "change.patch", "--llm", "echo:echo", "--db", "memory")

    assert status == 3
    assert "model: the answer does not account for it" in out


def test_a_rule_for_nobody_is_wrong_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip in the name of a provider would protect nothing in silence."""
    monkeypatch.setenv("CODEFLOW_WITHHELD", '{"opneai": ["payroll/"]}')
    (tmp_path / "change.patch").write_text(CLEAN_PATCH)

    status, _, err = run("review", "--diff", "change.patch", "--dry-run", "--llm", "echo:echo")

    assert status == 2
    assert "withheld from 'opneai': there is no such provider" in err


def test_a_dry_run_reviews_nothing_and_sends_nothing(shop: Path) -> None:
    """The whole program, with a model whose server nobody could reach, still tells its table."""
    words = ("review", "--dry-run", "--llm", "openai:gpt-5.1", "--db", "memory")

    done = codeflow(*words, cwd=shop, OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert done.returncode == 0
    assert b"openai:gpt-5.1" in done.stdout
    assert b"Review complete" not in done.stdout
    assert git(shop, "status", "--short").count("\n") == 3
