"""The Markdown report: for a comment on a pull request, a job summary, or a file.

It is GitHub-flavoured Markdown. Nothing of the text of others is: see
`codeflow_engine.reports.inert`. The only HTML is `<details>` around code and long lists.
"""

from codeflow_engine.reports.markdown.document import LEAST_LIMIT, LIMIT, render
from codeflow_engine.reports.markdown.finding import article, comment, sources_of, title

__all__ = ["LEAST_LIMIT", "LIMIT", "article", "comment", "render", "sources_of", "title"]
