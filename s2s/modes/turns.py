"""`mode=turns`: delay against cut-ins for many ways to end a turn, replayed in virtual time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.messages import Activity, Transcript
from s2s.mistakes import ConfigError, near
from s2s.modes.mode import Mode
from s2s.secrets import masked

if TYPE_CHECKING:
    from s2s.bench.corpus import Turn
    from s2s.bench.point import Point
    from s2s.bench.policy import Policy
    from s2s.bench.record import TurnRecord
    from s2s.bench.tradeoff import Measured
    from s2s.engine import Engine
    from s2s.graph import Graph

RATE = 16000


@dataclasses.dataclass(kw_only=True)
class Turns(Mode):
    """Lets one caller speak the corpus to every turn policy, whose other stages hear each sound once for all."""

    points: dict[str, str | None] = dataclasses.field(default_factory=dict)
    turns: int = 120
    stt_ms: float = 90.0
    endpoint_ms: float = 120.0
    answer_ms: float = 220.0
    against: str | None = "fused"
    kinds: list[str] = dataclasses.field(default_factory=lambda: ["plain", "short-pause", "long-pause"])
    corpus: str | None = None
    seed: int = 1
    svg: str | None = None
    out: str | None = None

    def take(self, config: dict[str, Any]) -> None:
        """Keep what is measured."""
        self._config = masked(config)

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say what can't be replayed."""
        from s2s.bench.recorded import stage_of

        self._graph = graph
        lacking = [kind.__name__ for kind in (Activity, Transcript) if not stage_of(graph, kind)]
        mistakes = [f"{key}: no stage of the graph makes {kind} of sound; choose another graph" for kind in lacking]
        if self.turns < 1:
            mistakes.append(f"{key}.turns: input should be 1 or more, not {self.turns}")
        for name in ("stt_ms", "endpoint_ms", "answer_ms"):
            if getattr(self, name) < 0:
                mistakes.append(f"{key}.{name}: input should be 0 or more, not {getattr(self, name):g}")
        if not any(self.points.values()):
            mistakes.append(f"{key}.points: nothing to replay; write NAME: turn=OPTION turn.KEY=VALUE,VALUE")
        if self.against is not None and not self.points.get(self.against):
            mistakes.append(f"{key}.against: no points are called '{self.against}'{near(self.against, self.points)}")
        return mistakes

    def bind(self, key: str) -> None:
        """Compose the policies and read the corpus, before any model is loaded."""
        import random

        from s2s.bench.corpus import Corpus, CorpusError
        from s2s.bench.policy import policies

        self._policies: list[Policy] = policies(self.points, f"{key}.points", self._graph)
        try:
            corpus = Corpus(self.corpus, self.seed, RATE)
            self._turns: list[Turn] = corpus.of(*self.kinds, least=self.turns)
        except CorpusError as error:
            raise ConfigError([f"{key}.corpus: {error}"]) from error
        if not self._turns:
            found = ", ".join(sorted({turn.kind for turn in corpus.turns}))
            raise ConfigError([f"{key}.kinds: no turn of the corpus is {' or '.join(self.kinds)}; it has {found}"])
        random.Random(self.seed).shuffle(self._turns)
        del self._turns[self.turns :]

    async def serve(self, engine: Engine) -> None:
        """Replay the corpus to every policy, and tell what came of it."""
        from rich.console import Console
        from rich.progress import Progress

        from s2s.bench.recorded import Outputs
        from s2s.bench.replay import Delays, Replay
        from s2s.bench.tradeoff import Measured

        outputs = Outputs(engine.graph, engine.pools)
        delays = Delays(self.stt_ms, self.endpoint_ms, self.answer_ms)
        wiring = engine.network.wiring()
        found: list[Measured] = []
        with Progress(console=Console(stderr=True), transient=True) as bar:
            recorded = [await outputs.record(turn) for turn in bar.track(self._turns, description="listening")]
            for policy in self._policies:
                replay = Replay(policy.stage, delays, outputs, policy.hints, wiring)
                told = f"{policy.name} {policy.setting}"
                records = [await replay.hear(turn) for turn in bar.track(recorded, description=told)]
                found.append(Measured(policy.name, policy.setting, self._point(policy, records)))
        self._tell(found)

    def _point(self, policy: Policy, records: list[TurnRecord]) -> Point:
        from s2s.bench.point import point

        config = {**masked(policy.config), "mode": self._config["mode"]}
        return point(list(policy.words), 1, records, None, config, self.seed)

    def _tell(self, found: list[Measured]) -> None:
        from rich.console import Console

        from s2s.bench import sweep, tradeoff

        tradeoff.show(Console(), found, self.against, self.seed)
        if self.svg is not None:
            path = Path(self.svg).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(tradeoff.chart(found), encoding="utf-8")
        if self.out is not None:
            for measured in found:
                sweep.write(Path(self.out).expanduser(), measured.point)
