"""Reports of other tools: SARIF 2.1.0, and reviewdog's RDF as rdjson and rdjsonl.

A report is untrusted text. It is taken apart in a process of its own (`child`), which
imports nothing heavy; what comes back are rows, and no row is believed.
"""
