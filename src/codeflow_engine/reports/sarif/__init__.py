"""The SARIF report (OASIS SARIF 2.1.0, errata 01), for code scanning and result viewers.

| of a review | in SARIF |
|---|---|
| critical and high, medium, low and info | level `error`, `warning`, `note` |
| severity of a security finding | `security-severity` 9.5, 8.0, 5.5, 2.0; none for info |
| severity, then confidence | `rank`, in steps of 20 |
| fingerprint | `partialFingerprints` |
| new, open | `baselineState` `new`, `unchanged` |
| dismissed | the same as open, with an accepted suppression |
| resolved | not in the results: readers that do not know `absent` would raise an alarm |
| lines before the change | the file without a region: its lines are others now |
| a suggestion | a fix, unless something in it is redacted |
| units that are not covered | an error notification and an error result for each reason |

The result is there because many readers count results and look at nothing else: the report
of a review that is not complete must not read as a clean one.
"""

from codeflow_engine.reports.sarif.document import render

__all__ = ["render"]
