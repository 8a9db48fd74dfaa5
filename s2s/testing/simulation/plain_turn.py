"""The turn stage of a simulated graph: by silence alone, with every mark that a turn stage has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from s2s.messages import Activity, Asked, EndOfTurn, Mark, Speech, Transcript
from s2s.stage import Call
from s2s.testing.simulation.ear import END_S, PAUSE_S, RIPE_S
from s2s.testing.stages import ScriptedTurn


@dataclasses.dataclass(kw_only=True)
class PlainTurn(ScriptedTurn):
    """Marks a pause, then that an answer may be prepared, then the end, each at the first frame that is late enough."""

    def run(self, call: Call, item: Activity | Transcript | EndOfTurn | Asked) -> Iterator[Speech]:
        """Mark speech as it comes; the silence after a pause is nobody's."""
        if not isinstance(item, Activity):
            return
        state = call.state
        seconds = len(item.pcm) / 2 / item.rate
        end_ms = item.at_ms + seconds * 1000
        state["to_ms"], state["rate"] = end_ms, item.rate
        if item.speech >= 0.5:
            mark: Mark = "more"
            if not state.get("open"):
                mark = "start"
            elif state.get("paused"):
                mark = "resume"
            state.update(open=True, paused=False, ripe=False, quiet_s=0.0)
            yield Speech(pcm=item.pcm, rate=item.rate, mark=mark, at_ms=item.at_ms)
        elif state.get("open"):
            quiet_s = state["quiet_s"] = state["quiet_s"] + seconds
            pcm = b"" if state["paused"] else item.pcm
            if quiet_s >= END_S:
                state.update(open=False, paused=False)
                yield Speech(pcm=pcm, rate=item.rate, mark="end", at_ms=end_ms, quiet_ms=quiet_s * 1000)
                return
            if not state["paused"]:
                state["paused"] = quiet_s >= PAUSE_S
                at_ms = end_ms if state["paused"] else item.at_ms
                yield Speech(pcm=pcm, rate=item.rate, mark="pause" if state["paused"] else "more", at_ms=at_ms)
            if state["paused"] and not state["ripe"] and quiet_s >= RIPE_S:
                state["ripe"] = True
                yield Speech(pcm=b"", rate=item.rate, mark="ripe", at_ms=end_ms)
