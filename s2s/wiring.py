"""What every caller's flow shares: the graph, its pools, and what follows from its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from s2s.conversation.state import Wiring
from s2s.graph import Graph, Node
from s2s.messages import Message, Prompt, Reply, ReplyEnd, Sound, Speech, ToolCall, Transcript
from s2s.metrics import Gap
from s2s.place.pool import Pool, is_async
from s2s.plan import HINTS, Faces, Plan, plan_scope
from s2s.rush import Rush
from s2s.settings import Settings
from s2s.speculation import Speculation, Trials


class Network:
    """The graph as flows need it, computed once."""

    def __init__(self, graph: Graph, pools: dict[str, Pool], speculation: Speculation | None = None) -> None:
        self.graph = graph
        self.pools = pools
        self.nodes: Mapping[str, Node] = graph.nodes
        self.faces = Faces.of(graph)
        self.inline = frozenset(
            name for name, node in graph.nodes.items() if node.place.kind == "inline" and node.stage is not None
        )
        self.pauses = {
            name: node.place.kind == "loop" and node.stage is not None and is_async(node.stage)
            for name, node in graph.nodes.items()
        }
        self.lanes = frozenset(name for name, pool in pools.items() if pool.batches and _flows(graph.nodes[name]))
        self.merged = {graph.resampler(name): name for name in self.lanes if pools[name].first is not None}
        """Resamplers whose work is done with the batch of the stage that they stand before."""
        self.downstream = {name: self._downstream(name) for name in graph.nodes}
        self.captions = self.carries(Transcript)
        self.readers = tuple(
            edge.right
            for edge in graph.after(self.faces.chat)
            if Prompt in edge.carries and getattr(type(graph.nodes[edge.right].stage), "reads_ahead", False)
        )
        """The language models that read what they will be asked before it is whole."""
        loaded = [node.stage for node in graph.nodes.values() if node.stage is not None]
        self.tools = tuple(tool for stage in loaded for tool in stage.offers())
        """The functions that the graph runs for the language model."""
        self.tool_rounds = min((getattr(stage, "max_tool_rounds", 5) for stage in loaded), default=5)
        self.hears = any(Speech in edge.carries for edge in graph.before(self.faces.chat))
        """Whether the language model is given the sound of turns."""
        self.audio_turns = getattr(self.nodes[self.faces.chat].stage, "audio_turns", 1) if self.hears else 0
        self.rush = Rush()
        self.speculation = speculation or Speculation()
        self.primes = self.speculation.enabled and bool(self.readers)
        self.trials = Trials(self.speculation.max_inflight)
        self.watch: Callable[[str, Gap], None] | None = None
        """Told of every spoken answer's gap, with the response's id."""
        self._plans: dict[tuple[str, frozenset[type[Message]]], Plan] = {}

    def _downstream(self, name: str) -> frozenset[str]:
        """The queues that a stage's output comes to, through inline stages."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [name]
        while todo:
            for edge in self.graph.after(todo.pop()):
                if edge.right == self.faces.turn and edge.carries <= HINTS:
                    continue
                if edge.right in (self.faces.chat, self.faces.turn) or edge.right in self.inline:
                    if edge.right in self.inline and edge.right not in seen and edge.right != self.faces.chat:
                        seen.add(edge.right)
                        todo.append(edge.right)
                else:
                    found.add(edge.right)
        return frozenset(found)

    def carries(self, message: type[Message]) -> bool:
        """Whether this can reach the caller."""
        return any(edge.right == "caller" and message in edge.carries for edge in self.graph.edges)

    def wiring(self) -> Wiring:
        """What the conversation needs to know of the graph."""
        transcripts = any(Transcript in node.sends for node in self.nodes.values())
        return Wiring(
            chat=bool(self.faces.chat),
            transcripts=transcripts,
            hears=self.hears,
            sound=self.carries(Sound),
            words=self.carries(Reply),
            tools=bool(self.tools),
            tool_rounds=self.tool_rounds,
            primes=self.primes,
            speculates=self.speculation.enabled,
            max_extra_llm=self.speculation.max_extra_llm,
        )

    def equipped(self, settings: Settings) -> Settings:
        """Return the settings with the functions that the graph runs; a client's own of the same name stays."""
        own = {tool.name for tool in settings.tools}
        more = tuple(tool for tool in self.tools if tool.name not in own)
        return msgspec.structs.replace(settings, tools=(*settings.tools, *more)) if more else settings

    def plan(self, source: str, settings: Settings) -> Plan:
        """The plan of a scope that begins at `caller`, at the `turn` face, or at the `chat` face."""
        wanted: frozenset[type[Message]] = frozenset()
        if source != "caller":
            wanted = frozenset({Reply, ReplyEnd, ToolCall})
            if "audio" in settings.outputs and self.carries(Sound):
                wanted |= {Sound}
            if source == "turn":
                wanted = frozenset({Transcript}) if self.faces.chat else wanted | {Transcript}
        name = {"turn": self.faces.turn, "chat": self.faces.chat}.get(source, source)
        key = (name, wanted)
        if key not in self._plans:
            self._plans[key] = plan_scope(self.graph, self.faces, name, wanted)
        return self._plans[key]


def _flows(node: Node) -> bool:
    """Whether its items may be handed on as they come: none are joined, dropped, held for a commit or run ahead."""
    return not node.commits and Speech not in node.takes and node.place.ahead == 1 and node.place.full == "wait"
