"""One call to a model, from a question of ours to an answer or an error of ours.

`AskingLLM` is what the providers derive from. It takes each call the same way, and each provider
says what differs:

- `settings`, `keys`, `places`: what may be set, where the key comes from, and which URL may be
  shown.
- `sdk`, `line`: an SDK is loaded in a thread; then a `Line` asks through its client, ours or
  the host's, and gives a `Reading` of the bytes that come back.
- `events`: those bytes, as a body of JSON or as server-sent events.
- `asking`: `AskingLLM` itself, and the two protocols that are the form of an interface: a `Form`
  writes a request and reads an answer, a `Gathering` puts a streamed answer together.
- `chat_form`, `responses_form`: the forms of OpenAI, which others have taken over. They stand on
  `texts` (what can be sent), `schemas` (which may be strict) and `counts` (tokens, or a guess).
- `faults`, `sdk_faults`, `waits`: what went wrong. A server's error is a `Refusal` first; an
  exception is told by the names of its classes; and headers say how long to wait.
"""
