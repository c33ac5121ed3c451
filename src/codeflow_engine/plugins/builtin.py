"""The backends that ship with the engine; they register as any plugin does."""

from __future__ import annotations

from codeflow_engine.plugins.hooks import hookimpl
from codeflow_engine.plugins.registry import PluginRegistry

__all__ = ["codeflow_register"]


@hookimpl
def codeflow_register(registry: PluginRegistry) -> None:
    """Offer the shipped backends; the import strings load nothing yet."""
    here = "codeflow_engine"
    git = f"{here}.providers.vcs.git"
    registry.add_vcs("git", f"{git}:Git", settings=f"{git}:GitSettings")
    forge = f"{here}.providers.vcs.github"
    registry.add_vcs(
        "github",
        f"{forge}:connect",
        settings=f"{forge}:GitHubSettings",
        requires="codeflow-engine[github]",
        handles=("github.MainClass.Github",),
    )
    registry.add_storage("memory", f"{here}.storage.memory:MemoryStorage")
    registry.add_cache("memory", f"{here}.storage.memory:MemoryCache")
    sql = f"{here}.storage.sql"
    for add, own in ((registry.add_storage, "SQLStorage"), (registry.add_cache, "SQLCache")):
        add(
            "sql",
            f"{sql}:{own}",
            settings=f"{sql}:SQLSettings",
            schemes=("sqlite", "postgresql"),
            handles=("sqlalchemy.engine.base.Engine",),
            loop_handles=("sqlalchemy.ext.asyncio.engine.AsyncEngine",),
        )
    local = f"{here}.providers.workflow.local"
    registry.add_workflow_backend(
        "local", f"{local}:LocalBackend", settings=f"{local}:LocalSettings"
    )
    for name, own in (
        ("secrets", "Secrets"),
        ("hygiene", "Hygiene"),
        ("imported", "Imported"),
    ):
        room = f"{here}.providers.analyzer.{name}"
        registry.add_analyzer(name, f"{room}:{own}Analyzer", settings=f"{room}:{own}Settings")
    tools = "codeflow-engine[analyzers]"
    for name, own in (("ruff", "Ruff"), ("bandit", "Bandit")):
        room = f"{here}.providers.analyzer.{name}"
        settings = f"{room}:{own}Settings"
        registry.add_analyzer(name, f"{room}:{own}Analyzer", settings=settings, requires=tools)
    single = f"{here}.providers.strategy.single"
    registry.add_strategy("single", f"{single}:Single", settings=f"{single}:SingleSettings")
    echo = f"{here}.providers.llm.echo"
    registry.add_llm("echo", f"{echo}:Echo", settings=f"{echo}:EchoSettings")
    for name, own in (
        ("openai", "OpenAI"),
        ("anthropic", "Anthropic"),
        ("mistral", "Mistral"),
        ("groq", "Groq"),
    ):
        room = f"{here}.providers.llm.{name}"
        settings = f"{room}:{own}Settings"
        extra = f"codeflow-engine[{name}]"
        registry.add_llm(name, f"{room}:{own}", settings=settings, requires=extra)
    registry.add_workflow("review", f"{here}.workflows.review:REVIEW")
    registry.add_workflow("describe", f"{here}.workflows.describe:DESCRIBE")
    registry.add_workflow("ask", f"{here}.workflows.ask:ASK")
    registry.add_workflow("preview", f"{here}.workflows.preview:PREVIEW")
    registry.add_workflow("apply", f"{here}.workflows.apply:APPLY")
    registry.add_workflow("publish", f"{here}.workflows.publish:PUBLISH")
    registry.add_workflow("fix", f"{here}.workflows.fix:FIX")
