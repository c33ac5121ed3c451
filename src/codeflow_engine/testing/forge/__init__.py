r"""A forge that speaks GitHub's API, for tests of what talks to GitHub.

```python
from codeflow_engine.testing.forge import FakeForge

with FakeForge() as forge:
    repository = forge.repository("acme/shop")
    number = repository.open_pull_request({"a.py": b"x = 1\n"}, {"a.py": b"x = 2\n"})
    token = forge.token("codeflow-app[bot]")
    ...  # review `acme/shop#1` at `forge.url`
    assert len(repository.pull(number).reviews) == 1
```

It is a real server on the loopback over real git repositories, and refuses what GitHub refuses:
each rule names the page of GitHub's documentation that it comes from. It needs the extra
`github`.
"""

from codeflow_engine.testing.forge.apps import App
from codeflow_engine.testing.forge.checks import CheckRun, Checks, CommitStatus
from codeflow_engine.testing.forge.clock import ForgeClock
from codeflow_engine.testing.forge.faults import Act, Fault
from codeflow_engine.testing.forge.limits import LimitRules
from codeflow_engine.testing.forge.posts import Posts
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.rules import ForgeRules
from codeflow_engine.testing.forge.sarif import Scans, Upload
from codeflow_engine.testing.forge.server import FakeForge
from codeflow_engine.testing.forge.state import (
    Comment,
    Issue,
    Label,
    LabelEvent,
    PullRequest,
    Reaction,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
    User,
)
from codeflow_engine.testing.forge.trees import Signature, TreeFiles

__all__ = [
    "Act",
    "App",
    "CheckRun",
    "Checks",
    "Comment",
    "CommitStatus",
    "FakeForge",
    "Fault",
    "ForgeClock",
    "ForgeRules",
    "Issue",
    "Label",
    "LabelEvent",
    "LimitRules",
    "Posts",
    "PullRequest",
    "Reaction",
    "Repository",
    "Review",
    "ReviewComment",
    "ReviewState",
    "ReviewThread",
    "Scans",
    "Signature",
    "TreeFiles",
    "Upload",
    "User",
]
