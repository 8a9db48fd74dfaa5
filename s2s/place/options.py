"""Where a stage runs, and how its queue behaves: the `place` of a stage's YAML."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a stage runs and how many of it there are."""

    kind: Literal["inline", "loop", "thread", "process", "ray"] = "thread"
    """`inline`: at once, in the event loop, no queue (cheap synchronous stages); `loop`: a task in the event loop
    (async stages); `thread`: worker threads (native code that releases the interpreter lock); `process` and `ray`:
    other interpreters."""
    replicas: int = 1
    """Loaded copies of the model, each with a worker of its own; every caller shares them."""
    ahead: int = 1
    """Items of one caller that may run at once; results leave in order all the same."""
    batch: int = 1
    """Items of different callers that may share one model call, where the stage has `run_batch`."""
    wait_ms: float = 0.0
    """How long a full house's batch may wait for company: less with fewer callers than `batch`, a sole one never."""
    inbox: int = 64
    """Items of one caller that may wait here."""
    full: Literal["wait", "drop-oldest"] = "wait"
    """What happens when the inbox is full: the sender waits, or the oldest item is dropped."""
    timeout_s: float | None = 30.0
    """How long a stage may give no sign of life on an item before the item counts as failed; null for ever."""
    first_s: float | None = None
    """How long the first output of an item may take before its `fallback` does it, its wait for a free copy included;
    null leaves it to `timeout_s`. Low: a slow answer counts as none, and is begun twice. High: so long every caller
    waits who meets a stage that hangs."""
    nice: int = 0
    """How far a thread's work gives way to other work of this machine, 0 to 19; on Linux only."""
    python: str | None = None
    """The interpreter of a `process`, where it is not this one."""
    gpus: float = 0.0
    """GPUs that a `ray` replica reserves."""
