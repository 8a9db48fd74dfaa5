"""Which language a Whisper is to hear: its codes, and what a model that knows English only refuses."""

from __future__ import annotations

from collections.abc import Callable


def code_of(language: str | None, multilingual: bool, known: Callable[[str], bool]) -> str:
    """Return the code of a language such as en-GB, "" for the model's guess; `known` says which codes it knows.

    Raises ValueError for another language than English where the model is not multilingual, and for unknown ones.
    """
    code = (language or "").partition("-")[0].lower()
    if not multilingual:
        if code not in ("", "en"):
            raise ValueError(f"language: this model knows English only, not '{language}'; set a multilingual model")
        return "en"
    if code and not known(code):
        raise ValueError(f"language: Whisper has no '{language}'; give an ISO 639-1 code such as en, de or zh")
    return code


def token_of(code: str) -> str:
    """Return the token that names a language to Whisper."""
    return f"<|{code}|>"


def language_of(token: str) -> str:
    """Return the language that a token names."""
    return token.strip("<|>")
