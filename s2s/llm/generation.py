"""A torch model that writes in a thread of its own, and what stops it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Stopped(Exception):
    """Nobody wants the answer any more."""


class Brake:
    """Stops a model of transformers before its next layer, in the midst of a long prompt too."""

    def __init__(self, model: Any) -> None:
        self.wanted: Callable[[], bool] = lambda: True
        names = set(getattr(model, "_no_split_modules", None) or ())  # what transformers calls a layer
        for module in model.modules():
            if type(module).__name__ in names:
                module.register_forward_pre_hook(self._check)

    def _check(self, *_: Any) -> None:
        if not self.wanted():
            raise Stopped


class Generation:
    """The tokens of one answer, as they come.

    `inputs` are the model's, a batch of one; `options` are of its `generate`. `close` has it stop and waits for that.
    """

    def __init__(
        self,
        model: Any,
        brake: Brake,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        wanted: Callable[[], bool],
    ) -> None:
        self._model, self._brake = model, brake
        self._arguments = {**inputs, **options}
        self._wanted = wanted
        self.stopped = False
        self._closing = False
        self._prompt_seen = False
        self._error: BaseException | None = None
        self._tokens: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="generate", daemon=True)

    def __iter__(self) -> Iterator[int]:
        self._thread.start()
        while (token := self._tokens.get()) is not None:
            yield token
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Have it stop before the next layer; from any thread."""
        self.stopped = True

    def close(self) -> None:
        """Have it stop, if it has not ended, and wait for that."""
        if self._thread.is_alive():
            self._closing = True
            self._thread.join()

    def put(self, value: Any) -> None:
        """Take what `generate` streams: the prompt, then token after token."""
        if self._prompt_seen:
            self._tokens.put(int(value.reshape(-1)[0]))
        self._prompt_seen = True

    def end(self) -> None:
        """Take the end of what is streamed; `_run` knows more of it."""

    def _goes_on(self) -> bool:
        return not (self.stopped or self._closing) and self._wanted()

    def _stop(self, tokens: Any, scores: Any, **_: Any) -> Any:
        """Say after each token whether it was the last, in the shape that `generate` wants."""
        import torch

        return torch.full((tokens.shape[0],), not self._goes_on(), dtype=torch.bool, device=tokens.device)

    def _run(self) -> None:
        self._brake.wanted = self._goes_on
        try:
            self._model.generate(**self._arguments, streamer=self, stopping_criteria=[self._stop])
        except Stopped:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._brake.wanted = lambda: True
            self._tokens.put(None)
