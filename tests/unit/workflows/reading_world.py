"""Models that read changes, and changes to read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from codeflow_engine import AsyncEngine, Budget
from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.domain.usage import CallUsage

__all__ = ["ReaderModel", "engine_of", "large_patch", "patch", "shown_paths"]

type Told = dict[str, Any]

PRICE = {"input_usd_per_million": "1", "output_usd_per_million": "1"}
_PART = re.compile(r'^Part (\d+): file "([^"]+)"', re.MULTILINE)
_ORDER = re.compile(r"OBEY: (\{.*\})")
_QUOTE = re.compile(r"^quote (\d+),", re.MULTILINE)


def shown_paths(request: ChatRequest) -> list[str]:
    """Give the files that a question shows."""
    return list(dict.fromkeys(path for _, path in _PART.findall(request.messages[-1].text)))


class ReaderModel(LLM):
    """Says of each file that it was shown, and answers with the first line that was added.

    Args:
        obeys: Whether it says what a line `OBEY: {...}` tells it, wherever that stands.
        raises: Gives the error of a question, or None.
        changes: Changes what it would have said.
    """

    def __init__(
        self,
        *,
        obeys: bool = False,
        raises: Callable[[ChatRequest], BaseException | None] = lambda _: None,
        changes: Callable[[Told, ChatRequest], Told] = lambda told, _: told,
    ) -> None:
        self._obeys = obeys
        self._raises = raises
        self._changes = changes
        self.requests: list[ChatRequest] = []

    @property
    def model(self) -> str:
        return "m"

    @property
    def provider(self) -> str:
        return "acme"

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.requests.append(request)
        if (error := self._raises(request)) is not None:
            raise error
        told = self._changes(self._told(request), request)
        text = request.messages[-1].text
        counts = {"input_tokens": len(text) // 4, "output_tokens": 50}
        return ChatAnswer(
            text=json.dumps(told),
            finish_reason=FinishReason.STOP,
            model="m",
            usage=CallUsage(calls=1, **counts),
            provider="acme",
        )

    def asked(self, prompt: str) -> list[ChatRequest]:
        """Give the questions that were made from a prompt, in their order."""
        return [request for request in self.requests if request.prompt.split("/")[0] == prompt]

    def prompts(self) -> Counter[str]:
        """Count the questions by the name of their prompt."""
        return Counter(request.prompt.split("/")[0] for request in self.requests)

    def _told(self, request: ChatRequest) -> Told:
        assert request.answer_schema is not None
        text = request.messages[-1].text
        wanted = request.answer_schema["properties"]
        ordered = json.loads(order[1]) if (order := _ORDER.search(text)) and self._obeys else {}
        return {name: ordered.get(name, _honest(name, request)) for name in wanted}


def _honest(name: str, request: ChatRequest) -> Any:
    text = request.messages[-1].text
    paths = shown_paths(request)
    if name == "files":
        return [{"path": path, "summary": f"Mends {path}."} for path in paths]
    if name == "quotes" and request.prompt.startswith("ask_join"):
        return [int(number) for number in _QUOTE.findall(text)]
    if name == "quotes":
        return [_first_quote(text)] if paths else []
    said = {
        "title": "Mend the till",
        "summary": f"It mends {len(paths)} files.",
        "labels": ["bug", "tests"],
        "answer": f"Since {len(paths)} files were wrong.",
    }
    return said[name]


def _first_quote(text: str) -> Told:
    part = _PART.search(text)
    assert part is not None
    added = re.search(r"^\+(.+)$", text[part.end() :], re.MULTILINE)
    quote = added[1] if added else ""
    return {"part": int(part[1]), "path": part[2], "quote": quote, "side": "new"}


def patch(files: dict[str, list[str]]) -> str:
    """Write a patch that adds files with these lines."""
    return "".join(
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)
        for path, lines in files.items()
    )


def large_patch(files: int, lines: int = 30) -> str:
    """Write a patch of files that do not fit into one question of a small model."""
    return patch(
        {
            f"src/module_{number:02}.py": [f"value_{number}_{row} = {row}" for row in range(lines)]
            for number in range(files)
        }
    )


def engine_of(
    model: LLM, *, room: int | None = None, budget: Budget | None = None, **options: Any
) -> AsyncEngine:
    """Make an engine with a model that is priced, and holds about so much of a change."""
    facts: dict[str, Any] = {**PRICE, "max_output": 500}
    if room is not None:
        facts["context_window"] = 3_000 + room
    return AsyncEngine(
        llm=model, models={f"{type(model).__name__.casefold()}:m": facts}, budget=budget, **options
    )
