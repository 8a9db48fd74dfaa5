"""How long one caller's answers made them wait, and for what."""

from __future__ import annotations

import logging

from s2s.conversation.state import Response
from s2s.hearing import Hearing
from s2s.metrics import gap_of
from s2s.scope import Scope
from s2s.wiring import Network

log = logging.getLogger("s2s")


class Gaps:
    """Tells the gap before each spoken answer: in the log, and to who watches."""

    def __init__(self, call_id: str, network: Network, hearing: Hearing) -> None:
        self._id = call_id
        self._network = network
        self._hearing = hearing

    def tell(self, scope: Scope, response: Response | None, now: float) -> None:
        """Tell the parts of the gap of an answer whose first sound leaves now, if it is one to a turn."""
        turn = self._hearing.take_turn()
        gap = None if turn is None else gap_of(*turn, scope.marks, now)
        if gap is None:
            return
        log.info("%s: %s", self._id, gap)
        if self._network.watch is not None and response is not None:
            self._network.watch(response.id, gap)
