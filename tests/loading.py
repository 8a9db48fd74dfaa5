"""Stages that are hard to load, for the tests of the process."""

from __future__ import annotations

import dataclasses
import sys
import threading
from pathlib import Path

from s2s.testing.stages import ScriptedTurn, ScriptedVad
from s2s.weights import resolve


@dataclasses.dataclass(kw_only=True)
class Weighty(ScriptedVad):
    """Needs a file."""

    source: str

    def load(self) -> None:
        """Find it; raise WeightsError when it isn't there."""
        self._path: Path = resolve(self.source)


@dataclasses.dataclass(kw_only=True)
class Loading(ScriptedVad):
    """Never has done with loading."""

    def load(self) -> None:
        """Say so and wait."""
        print("loading for ever", file=sys.stderr, flush=True)
        threading.Event().wait()


@dataclasses.dataclass(kw_only=True)
class Failing(ScriptedTurn):
    """Can't be loaded."""

    def load(self) -> None:
        """Raise RuntimeError."""
        raise RuntimeError("it is not here")
