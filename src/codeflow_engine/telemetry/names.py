"""Names of spans, metrics and attributes, as one version of the conventions has them.

Those of models are still in development, and each release renames some. Version 1.41 holds the
set that every backend reads which takes them at all, so that one is written, and the address
of its schema goes along. They are constants of ours, because the package of the conventions
changes them under whoever imports it.

What no convention names begins with `codeflow.`. The page on observability explains each.
"""

from __future__ import annotations

from typing import Final

__all__: list[str] = []

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE: Final = "codeflow_engine"
"""Name of the tracer and of the meter."""

# OpenTelemetry: general, servers, generative AI, version control.
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
CONVERSATION: Final = "gen_ai.conversation.id"
WORKFLOW: Final = "gen_ai.workflow.name"
TOOL: Final = "gen_ai.tool.name"
PROMPT: Final = "gen_ai.prompt.name"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - a name
VCS_PROVIDER: Final = "vcs.provider.name"

# Values of `gen_ai.operation.name`, each the first word of its spans.
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_WORKFLOW: Final = "invoke_workflow"

# Ours, on spans.
SUBMIT: Final = "submit"
STEP: Final = "step"
PUBLISH: Final = "publish"
RUN_STATUS: Final = "codeflow.run.status"
RUN_FENCE: Final = "codeflow.run.execution"
RUN_RECOVERIES: Final = "codeflow.run.recoveries"
OUTCOME: Final = "codeflow.review.outcome"
STEP_NAME: Final = "codeflow.step.name"
STEP_KIND: Final = "codeflow.step.kind"
IS_STOPPED: Final = "codeflow.stopped"
ATTEMPT: Final = "codeflow.attempt"
ATTEMPT_NUMBER: Final = "codeflow.attempt.number"
ATTEMPT_SECONDS: Final = "codeflow.attempt.duration"
FINDINGS_COUNT: Final = "codeflow.findings.count"
UNITS_EXAMINED: Final = "codeflow.units.examined"
EFFECT_KIND: Final = "codeflow.effect.kind"
EFFECT_FOUND: Final = "codeflow.effect.found"
COST: Final = "codeflow.cost_usd"
IS_ESTIMATED: Final = "codeflow.usage.is_estimated"
SEVERITY: Final = "codeflow.finding.severity"

# Metrics.
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - a name
LLM_COST: Final = "codeflow.llm.cost"
RUNS: Final = "codeflow.runs"
RUN_DURATION: Final = "codeflow.run.duration"
RUNS_ACTIVE: Final = "codeflow.runs.active"
REVIEWS: Final = "codeflow.reviews"
FINDINGS: Final = "codeflow.findings"
STEP_DURATION: Final = "codeflow.step.duration"
EFFECTS: Final = "codeflow.effects"

OTHER: Final = "other"
"""What a label of a metric says in the place of a value that is one too many."""
