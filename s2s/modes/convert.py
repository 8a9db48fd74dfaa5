"""`mode=convert`: a command line of speech-to-speech, as a recipe and as words of ours; no model is loaded."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from s2s.modes.mode import Mode

if TYPE_CHECKING:
    from s2s.graph import Graph


@dataclasses.dataclass(kw_only=True)
class Convert(Mode):
    """Prints what the line after `--` becomes here; a flag that becomes nothing is named with the reason."""

    offline: ClassVar[bool] = True

    def show(self, graph: Graph) -> None:
        """Print the recipe; raises ConfigError with every mistake in the line."""
        from s2s import cli
        from s2s.convert.parse import parse
        from s2s.convert.recipe import text

        print(text(parse(cli.rest)))
