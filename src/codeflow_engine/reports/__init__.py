"""Reports: the public JSON form of a review in, a text out.

Each format is a module with a `render` function. Reports know nothing of the engine's
values, only the JSON form, so what they can show is exactly what anybody can read from
`Review.to_json` or from a saved file. The form is described by the JSON Schema that
`codeflow_engine.reports.json.schema` gives.

Text from the change is data of its author: control, bidi and invisible characters are
shown escaped, in every format.
"""
