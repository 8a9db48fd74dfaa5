"""Sessions of onnxruntime for voices, and how a run of one is ended from another thread."""

from __future__ import annotations

from typing import Any

PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}


def open_session(model: str | bytes, threads: int, device: str = "cpu") -> Any:
    """Return a session for a graph's path or its bytes, on `device`: `cpu`, `cuda`, `mps`, or `auto` for the best one.

    Raises ValueError where onnxruntime can't use that device here.
    """
    import onnxruntime

    providers = found_providers(device, onnxruntime.get_available_providers())

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it keeps memory for each length that was ever spoken
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # below, an aborted run is logged as an error
    session = onnxruntime.InferenceSession(model, options, providers=providers)
    session._model_bytes = None  # it would hold the weights once more
    return session


def found_providers(device: str, available: list[str]) -> list[str]:
    """Return the names under which onnxruntime knows a device, the CPU last; raise ValueError where it is not there."""
    kind = device.partition(":")[0]
    if kind not in ("auto", "cpu", *PROVIDERS):
        raise ValueError(f"device: input should be auto, cpu, cuda or mps, not {device!r}")
    wanted = ["CUDAExecutionProvider"] if kind == "auto" else [PROVIDERS[kind]] if kind in PROVIDERS else []
    found = [name for name in wanted if name in available]
    if kind in PROVIDERS and not found:
        raise ValueError(
            f"device: onnxruntime has no {PROVIDERS[kind]} here; choose device=cpu, or another build such as "
            "onnxruntime-gpu"
        )
    return [*found, "CPUExecutionProvider"]


class RunStop:
    """Ends the runs of a clause that are given its `options`, within some milliseconds."""

    def __init__(self) -> None:
        import onnxruntime

        self.options = onnxruntime.RunOptions()
        # What a run borrows is given back, or that of the longest clause would be kept.
        self.options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def set(self) -> None:
        """End the run that goes on, and those that follow."""
        self.options.terminate = True

    def is_set(self) -> bool:
        """Say whether they were ended."""
        return bool(self.options.terminate)
