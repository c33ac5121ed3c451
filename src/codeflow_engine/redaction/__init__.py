"""Secrets: one set of rules and one registry of exact values for each engine.

Whatever leaves the engine (prompts, logs, spans, errors, reports, published text) goes
through a `Redactor`; the analyzer for secrets finds with the same rules.

```python
redactor = Redactor(secrets=[settings.github_token])
redactor.redact("token ghp_...")  # "token [redacted:github-token]"
```
"""

from codeflow_engine.redaction.redactor import Redactor
from codeflow_engine.redaction.rule import Rule
from codeflow_engine.redaction.rules import RULES
from codeflow_engine.redaction.seal import MARK
from codeflow_engine.redaction.spans import OffsetMap, Span
from codeflow_engine.redaction.stream import RedactionStream

__all__ = ["MARK", "RULES", "OffsetMap", "RedactionStream", "Redactor", "Rule", "Span"]
