"""What recognizers that are torch models have in common: where the model runs, and how it is left in the middle."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from s2s.stt.recognizer import RATE, Recognizer
from s2s.torch_models import device, limit_threads


@dataclass(kw_only=True)
class TorchRecognizer(Recognizer, abc.ABC):
    """A recognizer whose model is torch's."""

    model: str
    device: str = "auto"
    threads: int = 1

    @abc.abstractmethod
    def open(self, device: str) -> Any:
        """Load the model onto a torch device and return its module, if it is to be left between layers."""

    def weights(self) -> list[str]:
        """Return the source of the model."""
        return [self.model]

    def load(self) -> None:
        """Load the model and run it once, on a second of silence."""
        super().load()
        limit_threads(self.threads)
        self._module = self.open(device(self.device))
        if self._module is not None:
            call_between_layers(self._module, self.check)
        self.transcribe(np.zeros(RATE, np.float32), None)

    def close(self) -> None:
        """Let the model go, and a GPU's memory with it."""
        import torch

        for name in [name for name in vars(self) if name.startswith("_") and name != "_loaded"]:
            delattr(self, name)
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def call_between_layers(model: Any, check: Callable[[], None]) -> None:
    """Call `check` before each layer of a torch model's stacks: what it raises leaves the model."""
    from torch import nn

    def before(*_: Any) -> None:
        check()

    for stack in model.modules():
        if isinstance(stack, (nn.ModuleList, nn.Sequential)):
            for layer in stack:
                layer.register_forward_pre_hook(before)


def stopping_criteria(check: Callable[[], None]) -> Any:
    """Return criteria for transformers' `generate` that call `check` after each token: what it raises leaves it."""
    import torch
    import transformers

    class Wanted(transformers.StoppingCriteria):  # type: ignore[misc]
        def __call__(self, tokens: Any, scores: Any, **_: Any) -> Any:
            check()
            return torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)

    return transformers.StoppingCriteriaList([Wanted()])
