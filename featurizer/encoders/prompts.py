"""Which of a model's prompts stands before the texts of items."""

from __future__ import annotations

from collections.abc import Mapping

DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""The names of the prompt of what is searched, in the order in which Sentence Transformers looks for them."""
QUERY_PROMPT = "query"
"""The name of the prompt of what is asked, which no item is."""


def document_prompt(prompts: Mapping[str, str | None], default: str | None) -> str | None:
    """Return the prompt that a model declares for documents, else its default one; None where there is none.

    As the documentation of `SentenceTransformer.encode_document` has it; there an empty entry, which the library
    adds by itself, hides those after it.

    Args:
        prompts: by name.
        default: the name of the one that stands before everything.
    """
    names = (*DOCUMENT_PROMPTS, default if default != QUERY_PROMPT else None)
    return next((prompt for name in names if name is not None and (prompt := prompts.get(name))), None)
