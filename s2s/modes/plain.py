"""What modes of plain sound have in common: how a call begins, and how its sound goes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from s2s.modes.mode import Mode
from s2s.settings import Settings

if TYPE_CHECKING:
    from s2s.graph import Graph
    from s2s.line.line import Terms

HZ = 16000
"""Sample rate of plain sound on a wire, both ways: mono, 16 bits, little-endian, without a header."""


@dataclasses.dataclass(kw_only=True)
class Plain(Mode):
    """The base of modes whose clients send and get samples alone."""

    duplex: Literal["full", "half"] = "full"
    lead_s: float | None = 0.5
    safety_s: float = 30.0
    instructions: str = ""
    voice: str | None = None
    language: str | None = None

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say when a caller would hear nothing, or what is out of bounds."""
        from s2s.graph import sound_mistake
        from s2s.messages import Sound
        from s2s.routes import CALLER

        mistakes = [found for found in [sound_mistake(key, graph)] if found]
        if not mistakes and not any(Sound in edge.carries for edge in graph.before(CALLER)):
            mistakes.append(f"{key}: no stage makes sound, and nothing else can leave here; choose a graph that speaks")
        if self.lead_s is not None and self.lead_s <= 0:
            mistakes.append(f"{key}.lead_s: input should be more than 0, or null for no pace, not {self.lead_s:g}")
        if self.safety_s <= 0:
            mistakes.append(f"{key}.safety_s: input should be more than 0, not {self.safety_s:g}")
        return mistakes

    def settings(self) -> Settings:
        """The settings of a call."""
        return Settings(instructions=self.instructions, voice=self.voice, language=self.language)

    def terms(self, frame_ms: float, **others: float) -> Terms:
        """How the sound of a call goes."""
        from s2s.line.line import Terms

        return Terms(hz=HZ, duplex=self.duplex, frame_ms=frame_ms, lead_s=self.lead_s, safety_s=self.safety_s, **others)
