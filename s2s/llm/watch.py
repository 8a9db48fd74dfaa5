"""What a model of llama-cpp-python reads and writes, which its streams do not tell, and what stops it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any

from s2s.llm.chat_template import opened_thought

LAST = 16
"""Tokens at the end of a prompt in which a tag may stand."""


class Watch:
    """Counts the tokens of an answer, and breaks it off between two tokens, or in the midst of its prompt by `stop`."""

    def __init__(self, llama: Any) -> None:
        self.prompt = self.cached = self.written = 0
        self.thinking = ""
        self._llama = llama
        self._wanted: Callable[[], bool] = lambda: True
        self._generate = llama.generate
        llama.generate = self._watched
        self._flag = ctypes.create_string_buffer(2)
        self._abort(llama.ctx)

    def begin(self, wanted: Callable[[], bool]) -> None:
        """Forget what was told of an earlier answer; this one goes on while it is `wanted`."""
        self.prompt = self.cached = self.written = 0
        self.thinking = ""
        self._wanted = wanted
        self._flag.value = b""

    def stop(self) -> None:
        """Have the answer break off; from any thread."""
        self._flag.value = b"x"

    @property
    def stopped(self) -> bool:
        """Whether nobody wants the answer."""
        return bool(self._flag.value) or not self._wanted()

    def _abort(self, context: Any) -> None:
        """Have llama.cpp look at the flag while it computes.

        It looks before each operation, hundreds of times a token: Python would make each wait for the interpreter.
        So C's own strlen tells it whether the flag is an empty string.
        """
        import llama_cpp

        library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
        self._look = ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)
        llama_cpp.llama_set_abort_callback(context, self._look, ctypes.cast(self._flag, ctypes.c_void_p))

    def _watched(self, tokens: Any, **options: Any) -> Iterator[int]:
        prompt = list(tokens)
        read = list(self._llama.eval_tokens)
        self.prompt = len(prompt)
        self.cached = min(self._llama.longest_token_prefix(read, prompt), max(0, len(prompt) - 1))
        end = self._llama.detokenize(prompt[-LAST:], special=True).decode("utf-8", "ignore")
        self.thinking = opened_thought(end)
        for token in self._generate(prompt, **options):
            if self.stopped:
                return
            self.written += 1
            yield token
