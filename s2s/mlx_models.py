"""What every backend that runs an MLX model shares: its folder, its stream on a device, and its steps there."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from s2s import torch_models
from s2s.weights import WeightsError

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


def folder(source: str) -> Path:
    """Return the folder that `source` names; raise WeightsError where it, its config or its weights are absent."""
    path = torch_models.folder(source, "config.json")
    if not [*path.glob("*.safetensors"), *path.glob("*.npz")]:
        raise WeightsError(
            f"{source}: no *.safetensors or *.npz in {path}; name an MLX model's folder, or hf:owner/name"
        )
    return path


def stream(wanted: str) -> Any:
    """Return a stream on the device that `wanted` names: `cpu`, `mps`, `cuda`, or `auto` for the best one here.

    MLX's default device is the whole process's, so each backend works in `with mlx.core.stream(...)` of its own. A
    stream belongs to a thread, and what was not computed there can't be computed elsewhere: this one is another in each
    thread. Raises ValueError where that device is not there.
    """
    import mlx.core as mx

    gpus = [kind for kind, found in (("mps", mx.metal.is_available()), ("cuda", mx.cuda.is_available())) if found]
    kind = (gpus or ["cpu"])[0] if wanted == "auto" else wanted
    if kind not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device: input should be auto, cpu, cuda or mps, not {wanted!r}")
    if kind != "cpu" and kind not in gpus:
        raise ValueError(f"device: MLX {mx.__version__} finds no {kind} here; choose device=cpu, or auto")
    return mx.new_thread_local_stream(mx.cpu if kind == "cpu" else mx.gpu)


def dtype(wanted: str, stream: Any, gpu: str) -> Any:
    """Return the MLX dtype that `wanted` names; `auto` is float32 on a CPU, and the one named `gpu` on a GPU."""
    import mlx.core as mx

    return getattr(mx, wanted if wanted != "auto" else gpu if stream.device.type == mx.gpu else "float32")


@contextmanager
def loading(source: str, stream: Any) -> Iterator[None]:
    """Load on a stream; raise WeightsError for what `source` has and MLX can't load."""
    import mlx.core as mx

    try:
        with mx.stream(stream):
            yield
    except (KeyError, OSError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise WeightsError(
            f"{source}: no model that can be loaded: {reason}; name the folder of another one"
        ) from error


def release() -> None:
    """Give back the memory of a model that was let go, and this thread's streams: they must not outlive it."""
    import mlx.core as mx

    mx.clear_cache()
    if threading.current_thread() is not threading.main_thread():
        mx.clear_streams()


def steps(stream: Any, made: Iterable[Any]) -> Iterator[Any]:
    """Yield what a generator makes, each step of it on `stream`; it is closed with this one."""
    import mlx.core as mx

    source = iter(made)
    try:
        while True:
            with mx.stream(stream):
                try:
                    piece = next(source)
                except StopIteration:
                    return
            yield piece
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            with mx.stream(stream):
                close()
