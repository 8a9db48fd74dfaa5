"""`mode=pull`: fetch the weights of a deployment ahead, so that it starts without a network afterwards."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from s2s.fallbacks import loaded
from s2s.modes.mode import Mode, ModeError

if TYPE_CHECKING:
    from s2s.graph import Graph


@dataclasses.dataclass(kw_only=True)
class Pull(Mode):
    """Fetches, checks and keeps what every stage of the graph loads; no model is loaded."""

    offline: ClassVar[bool] = True

    def show(self, graph: Graph) -> None:
        """Fetch what is not here yet, and say where everything lies; raises ModeError with what could not be had."""
        from s2s.weights import WeightsError, pinned, resolve

        wrong = []
        for name, source in sources(graph):
            try:
                path = resolve(source)
            except WeightsError as error:
                wrong.append(f"{name}: {error}")
                continue
            print(f"{name}  {size_mb(path):.0f} MB  {path}")
            if pin := pinned(source, path):
                print(f"{'':{len(name)}}  stays at this version as {pin}")
        if wrong:
            raise ModeError("\n".join(wrong))
        print("all weights are here: it starts without a network now")


def sources(graph: Graph) -> list[tuple[str, str]]:
    """Return the stages and the sources of their weights."""
    return [(node.name, source) for node in loaded(graph) if node.stage for source in node.stage.weights()]


def size_mb(path: Path) -> float:
    """Return how large a file, or all files of a folder, are in MB."""
    if path.is_file():
        return path.stat().st_size / 1e6
    return sum(os.stat(os.path.join(at, name)).st_size for at, _, names in os.walk(path) for name in names) / 1e6
