"""A model that reviews, in a process of its own, over OpenAI's interface.

    python model_server.py [SECONDS]

It prints its URL, and ends with its standard input. Each answer comes after so many seconds, or
at once. It names all parts of a chunk as read, and has a finding about each twentieth of them;
a question that shows no such parts gets an answer in the form of pr-agent.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from functools import partial
from typing import ClassVar, Final

from call_server import Chat, completion

_PART: Final = re.compile(r'^Part (\d+): file "([^"]+)"', re.MULTILINE)
_ADDED: Final = re.compile(r"^\+(.*\S.*)$", re.MULTILINE)
_EACH: Final = 20
_PEER: Final = """\
```yaml
review:
  estimated_effort_to_review_[1-5]: 3
  relevant_tests: no
  key_issues_to_review: []
  security_concerns: no
```"""


class Reviewing(Chat):
    """One connection."""

    seconds: ClassVar[float] = 0.0
    count: ClassVar[int] = 0

    def reply(self, asked: bytes) -> None:
        """Answer, later."""
        content = review(json.loads(asked)["messages"][-1]["content"])
        later = partial(self._transport.write, completion(content))
        if self.seconds:
            asyncio.get_running_loop().call_later(self.seconds, later)
        else:
            later()


def review(text: str) -> str:
    """Say what is in a chunk."""
    parts = list(_PART.finditer(text))
    if not parts:
        return _PEER
    findings = []
    for part in parts[::_EACH]:
        line = _ADDED.search(text, part.end())
        if line is not None:
            findings.append(
                {
                    "part": int(part[1]),
                    "path": part[2],
                    "quote": line[1],
                    "side": "new",
                    "severity": "medium",
                    "category": "correctness",
                    "rule": "rounded-early",
                    "title": "The total is rounded before the discount",
                    "message": "What is taken off comes from a rounded number.",
                    "confidence": 0.8,
                    "replacement": None,
                }
            )
    return json.dumps({"findings": findings, "examined": [int(part[1]) for part in parts]})


async def main() -> None:
    """Listen until the standard input ends."""
    Reviewing.seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Reviewing, "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
