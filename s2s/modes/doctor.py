"""`mode=doctor`: what a deployment lacks on this machine, and what to do about it; the exit status tells."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from s2s.modes.mode import Mode, ModeError

if TYPE_CHECKING:
    from s2s.graph import Graph

_MARKS = {"ok": "[green]ok[/]", "missing": "[red]missing[/]", "note": "[yellow]note[/]"}


@dataclasses.dataclass(kw_only=True)
class Doctor(Mode):
    """Looks at packages, weights, devices, endpoints, keys, licences and the port; loads nothing."""

    port: int = 8765
    timeout_s: float = 3.0

    offline: ClassVar[bool] = True

    def show(self, graph: Graph) -> None:
        """Print what was found; raises ModeError where something is missing."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        from s2s.health import findings

        table = Table(show_lines=False)
        for column in ("stage", "", "what", "", "do"):
            table.add_column(column, overflow="fold")
        absent = 0
        for finding in findings(graph, self.port, self.timeout_s):
            absent += finding.state == "missing"
            what, remedy = escape(finding.what), escape(finding.remedy)  # 's2s[torch]' is no markup
            table.add_row(finding.key, finding.kind, what, _MARKS[finding.state], remedy)
        Console().print(table)
        if absent:
            raise ModeError(f"{absent} thing{'s are' if absent > 1 else ' is'} missing")
