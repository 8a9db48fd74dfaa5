"""What every backend that runs a torch model shares: its device, its number format, its threads and its folder."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from s2s.weights import WeightsError, resolve

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


def device(wanted: str) -> str:
    """Return the torch device that `wanted` names: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for the best one here.

    Raises ValueError where that device is not there.
    """
    import torch

    here = [kind for kind, found in (("cuda", torch.cuda.is_available()), ("mps", _has_mps())) if found]
    if wanted == "auto":
        return here[0] if here else "cpu"
    kind, _, number = wanted.partition(":")
    if kind not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device: input should be auto, cpu, cuda, cuda:NUMBER or mps, not {wanted!r}")
    if kind != "cpu" and kind not in here:
        raise ValueError(f"device: torch {torch.__version__} finds no {kind} here; choose device=cpu, or another torch")
    if number and not (number.isdigit() and int(number) < (torch.cuda.device_count() if kind == "cuda" else 1)):
        raise ValueError(f"device: there is no {wanted}; torch counts {torch.cuda.device_count()} GPUs")
    return wanted


def dtype(wanted: Dtype, device: str) -> Any:
    """Return the torch dtype that `wanted` names; `auto` is float32 on a CPU and float16 on a GPU."""
    import torch

    name = ("float32" if device == "cpu" else "float16") if wanted == "auto" else wanted
    return getattr(torch, name)


def limit_threads(count: int) -> None:
    """Have torch use `count` threads of a CPU; this holds for all torch models of the process."""
    import torch

    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def quieten() -> None:
    """Have transformers keep its progress bars, and remarks that no user can act on, from stderr."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def folder(source: str, *needed: str) -> Path:
    """Return the folder that `source` names; raise WeightsError where it, or a file `needed`, is absent."""
    path = resolve(source)
    absent = [name for name in needed if not (path / name).is_file()]
    if absent:
        raise WeightsError(
            f"{source}: no model's folder: {', '.join(absent)} not in {path}; "
            "name a folder as save_pretrained writes it, or hf:owner/name"
        )
    return path


def trusted(source: str, trust: bool) -> bool:
    """Return `trust`; raise ValueError for foreign code of a hub that is not pinned to one revision."""
    if trust and source.startswith("hf:") and len(source.partition("@")[2].partition("/")[0]) != 40:
        raise ValueError(
            f"trust_remote_code: {source} may change tomorrow; pin what you have read: hf:owner/name@40-digit-revision"
        )
    return trust


def check_torchaudio() -> None:
    """Raise RuntimeError where torchaudio is here, but built for another torch: what imports it would not say so."""
    found = importlib.util.find_spec("torchaudio")
    if found is None or found.origin is None:
        return
    try:
        importlib.import_module("torchaudio")
    except OSError as error:
        import torch

        library = Path(found.origin).parent / "lib" / "_torchaudio.*"
        raise RuntimeError(
            f"torchaudio {version('torchaudio')} is built for another torch than {torch.__version__}; "
            f"install the torchaudio of the same build (CPU or CUDA) as torch, or delete {library}: it does without"
        ) from error


def _has_mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())
