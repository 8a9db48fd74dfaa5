"""What a torch model keeps of conversations."""

from __future__ import annotations

from typing import Any

from s2s.llm.kept import Kept


class Prefixes(Kept):
    """Caches of transformers.

    Only plain ones are kept, which can be cut anywhere; a model with windows or states reads each prompt from its
    beginning. `config` is the model's.
    """

    def __init__(self, count: int, config: Any) -> None:
        super().__init__(count)
        self._config = config
        if count and not _is_plain(self.fresh()):
            self._count = 0

    def fresh(self) -> Any:
        """Return an empty cache."""
        from transformers import DynamicCache

        return DynamicCache(config=self._config)

    def length(self, cache: Any) -> int:
        """Return how many tokens a cache holds in all of its layers."""
        return min((layer.get_seq_length() for layer in cache.layers), default=0)

    def cut(self, cache: Any, length: int) -> None:
        """Have a cache hold its first tokens only."""
        for layer in cache.layers:
            if layer.get_seq_length() > length:
                layer.keys, layer.values = layer.keys[..., :length, :], layer.values[..., :length, :]


def _is_plain(cache: Any) -> bool:
    from transformers.cache_utils import DynamicLayer

    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)
