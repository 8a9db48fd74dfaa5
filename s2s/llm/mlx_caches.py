"""What a model of mlx-lm keeps of conversations."""

from __future__ import annotations

from typing import Any

from s2s.llm.kept import Kept


class Caches(Kept):
    """Caches of mlx-lm.

    Only those are kept that can be cut anywhere; a model with windows or states reads each prompt from its beginning.
    """

    def __init__(self, count: int, model: Any) -> None:
        from mlx_lm.models import cache

        super().__init__(count)
        self._model, self._of = model, cache
        if count and not cache.can_trim_prompt_cache(self.fresh()):
            self._count = 0

    def fresh(self) -> Any:
        """Return an empty cache."""
        return self._of.make_prompt_cache(self._model)

    def length(self, cache: Any) -> int:
        """Return how many tokens a cache holds in all of its layers."""
        return min((layer.offset for layer in cache), default=0)

    def cut(self, cache: Any, length: int) -> None:
        """Have a cache hold its first tokens only."""
        for layer in cache:
            layer.trim(layer.offset - length)
