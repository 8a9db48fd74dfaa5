"""The codes of Qwen3-TTS as they are made, and the sound of some of them before the others are there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from s2s.tts.loudness import Floats

CONVOLVED = 12
"""Frames before a frame that its convolutions hear: 9.4 of them, by their widths."""
ATTENDED = 300
"""Frames whose codes are kept: as many as the codec's own decoding takes at once, 24 s."""


class _Left(Exception):
    """Nobody wants the rest of the codes."""


def frames(talker: Any, generate: Callable[[], object], stopped: Callable[[], bool]) -> Iterator[Any]:
    """Yield the codes of each frame, tensors of shape (codebooks,), while `generate` runs the talker elsewhere.

    It is left within one frame where `stopped` says so, and where the iterator is closed; then its thread is gone.
    """
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    left = threading.Event()

    def hear(module: Any, inputs: Any, output: Any) -> None:
        if left.is_set() or stopped():
            raise _Left
        codes = output.hidden_states[1]  # none while the text is read
        if codes is not None:
            found.put(codes[0])

    def work() -> None:
        hook = talker.register_forward_hook(hear)
        try:
            generate()
            found.put(None)
        except _Left:
            found.put(None)
        except BaseException as error:
            found.put(error)
        finally:
            hook.remove()

    thread = threading.Thread(target=work, name="qwen3-talker", daemon=True)
    thread.start()
    try:
        while (codes := found.get()) is not None:
            if isinstance(codes, BaseException):
                raise codes
            yield codes
    finally:
        left.set()
        thread.join()


class Decoder:
    """Makes sound of frames as they come: the same as the codec of 12 Hz makes of all of them at once.

    Its convolutions look back a little, and its transformer further: the one is given few frames again, the other,
    which is small beside them, all that it may attend to. `before` are codes that were spoken before, of shape
    (frames, codebooks).
    """

    def __init__(self, codec: Any, before: Any = None) -> None:
        self._model = codec.model.decoder
        self._device = codec.device
        self._codes = before

    def sound(self, new: list[Any]) -> Floats:
        """Return the samples in [-1, 1] of the next frames."""
        import torch

        with torch.inference_mode():
            codes = torch.stack(new).to(self._device)
            before = codes[:0] if self._codes is None else self._codes.to(self._device)
            self._codes = torch.cat([before, codes])[-ATTENDED:]
            made = self._decoded(self._codes.T.unsqueeze(0), len(new))
            samples: Floats = made.float().cpu().numpy().astype(np.float32, copy=False)
        return samples

    def _decoded(self, codes: Any, new: int) -> Any:
        model = self._model
        hidden = model.pre_conv(model.quantizer.decode(codes)).transpose(1, 2)
        hidden = model.pre_transformer(inputs_embeds=hidden).last_hidden_state.transpose(1, 2)
        made = hidden[..., -(new + CONVOLVED) :]
        for block in [*(block for blocks in model.upsample for block in blocks), *model.decoder]:
            made = block(made)
        return made[0, 0, -new * int(model.total_upsample) :].clamp(-1, 1)
