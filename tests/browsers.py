"""A real browser for tests of what people look at: Chromium, driven through playwright.

Where one of them is missing a test says so and is skipped; with
`CODEFLOW_TEST_BROWSER=required` it fails instead. Nothing is downloaded: the browser is the
one that is found on PATH.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["Browser", "browser"]

# Read with the module: no test sees the variables of the machine.
_REQUIRED = os.environ.get("CODEFLOW_TEST_BROWSER") == "required"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.broken.push(event.violatedDirective + " " + event.blockedURI));
"""


class Browser:
    """A browser in a thread of its own, since playwright keeps a loop running in its thread."""

    def __init__(self, program: str, place: Path) -> None:
        self._place = place
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._thread.submit(self._start, program).result()

    def _start(self, program: str) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        home = {name: str(self._place) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        # Chromium's own sandbox does not start as root, which tests in containers are.
        self._chromium = self._playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], env={**os.environ, **home}
        )

    def visit[T](
        self, html: str, look: Callable[[Page], T], *, address: str = "", **options: Any
    ) -> T:
        """Open a document, look at it, and return what was seen.

        Whatever is done with a report, it asks for nothing, breaks no policy, says nothing on
        the console, and runs nobody else's script.

        Args:
            html: The document.
            look: Gets the page; runs in the thread of the browser.
            address: What follows the name of the file, such as `#finding-1`.
            options: Of the browser's context, such as `color_scheme`.
        """
        return self._thread.submit(self._visit, html, look, address, options).result()

    def _visit[T](
        self, html: str, look: Callable[[Page], T], address: str, options: dict[str, Any]
    ) -> T:
        document = self._place / "report.html"
        document.write_bytes(html.encode("utf-8"))
        context = self._chromium.new_context(**options)
        try:
            said: list[str] = []
            asked: list[str] = []
            page = context.new_page()
            page.add_init_script(_WATCH)
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
            page.goto(document.as_uri() + address)
            seen = look(page)
            assert not said, said
            assert set(asked) == {document.as_uri()}, asked
            assert page.evaluate("window.pwned") is None
            assert not page.evaluate("window.broken ?? []")
            return seen
        finally:
            context.close()

    def close(self) -> None:
        """End the browser and its thread."""
        self._thread.submit(self._chromium.close).result()
        self._thread.submit(self._playwright.stop).result()
        self._thread.shutdown()


def _missing(what: str) -> NoReturn:
    told = f"no look at the report: {what}"
    if _REQUIRED:
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start a browser once for all tests; skip, or fail where it is required, without one."""
    if find_spec("playwright") is None:
        _missing("playwright is not installed (dependency group `browser`)")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        _missing(f"none of {', '.join(_PROGRAMS)} is on PATH")
    made = Browser(program, tmp_path_factory.mktemp("browser"))
    yield made
    made.close()
