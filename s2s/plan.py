"""The part of the graph that one scope uses: from its source to whatever is wanted of it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from s2s.graph import Edge, Graph, Node
from s2s.messages import Asked, EndOfTurn, Message, Prompt, Speech, Transcript

HINTS: frozenset[type[Message]] = frozenset({Transcript, EndOfTurn, Asked})
"""What a turn detector is told besides the sound: nothing that lies behind it holds up who tells it."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The edges that a scope's items take.

    `after` holds them by their left end. `producers` says whose end a stage waits for before its own input has
    ended, `leaders` which stages must have ended before the scope has brought all that is wanted of it.
    """

    source: str
    after: dict[str, tuple[Edge, ...]]
    producers: dict[str, frozenset[str]]
    leaders: frozenset[str]
    _ways: dict[tuple[str, type[Message]], tuple[str, ...]] = {}

    def ways(self, left: str, kind: type[Message]) -> tuple[str, ...]:
        """Return the stages that a message of this kind goes to from `left`."""
        found = self._ways.get((left, kind))
        if found is None:
            found = tuple(edge.right for edge in self.after.get(left, ()) if kind in edge.carries)
            self._ways[left, kind] = found
        return found


class Faces(msgspec.Struct, frozen=True, kw_only=True):
    """The stages where scopes begin and end: `turn` cuts the caller's sound, `chat` makes prompts; "" is none."""

    turn: str = ""
    chat: str = ""

    @classmethod
    def of(cls, graph: Graph) -> Faces:
        """Find them by what they are: the stage that sends speech, and the one that calls itself chat."""
        nodes = graph.nodes.items()
        turn = next((name for name, node in nodes if Speech in node.sends and Speech not in node.takes), "")
        chat = next((name for name, node in nodes if is_chat(node.stage)), "")
        return cls(turn=turn, chat=chat)


def is_chat(stage: object) -> bool:
    """Whether a stage is the conversation's face in the graph."""
    return getattr(type(stage), "face", "") == "chat"


def deaf(graph: Graph) -> Iterator[str]:
    """Name the language models that are given the caller's sound and can't hear it."""
    chat = Faces.of(graph).chat
    speakers = [edge.left for edge in graph.before(chat) if Speech in edge.carries]
    for edge in graph.after(chat) if speakers else ():
        node: Node | None = graph.nodes[edge.right] if Prompt in edge.carries else None
        while node is not None:
            if node.stage is not None and not node.stage.hears():
                what = f"{type(node.stage).__name__} hears no sound, and '{speakers[0]} | {chat}' gives it the caller's"
                told = f"set {node.name}.sound=true if its model does" if hasattr(node.stage, "sound") else ""
                other = f"choose {node.name}=chat-completions, or put stt before {chat}"
                yield f"{node.name}: {what}; {told or other}"
            node = node.fallback


def plan_scope(graph: Graph, faces: Faces, source: str, wanted: frozenset[type[Message]]) -> Plan:
    """Return the plan of a scope that begins at `source` and of which `wanted` should reach the caller.

    A route ends at the caller, at `chat`, at `turn`, and at stages that commit; stages from which none of these is
    reached are left out, so that a text answer never synthesises speech.
    """
    ends = {"caller", faces.chat}
    listening = source == "caller"

    def committing(name: str) -> bool:
        stage = graph.nodes[name].stage
        return stage is not None and type(stage).commits

    useful: dict[str, bool] = {}

    def leads(edge: Edge) -> bool:
        if edge.right == "caller":
            return bool(edge.carries & wanted)
        if edge.right == faces.turn:
            return listening or edge.carries <= HINTS
        return edge.right == faces.chat or committing(edge.right) or reaches(edge.right)

    def reaches(name: str) -> bool:
        if name not in useful:
            useful[name] = False
            useful[name] = any(leads(edge) for edge in graph.after(name))
        return useful[name]

    after: dict[str, tuple[Edge, ...]] = {}
    waiting, seen = [source], {source}
    while waiting:
        left = waiting.pop()
        kept = []
        for edge in graph.after(left):
            hint = edge.right == faces.turn and not listening
            if not hint and not leads(edge):
                continue
            if edge.right == "caller":
                edge = Edge(left=edge.left, right="caller", carries=edge.carries & wanted, waits=edge.waits)
            kept.append(edge)
            goes_on = edge.right not in ends and edge.right != faces.turn
            if goes_on and edge.right not in seen:
                seen.add(edge.right)
                waiting.append(edge.right)
        after[left] = tuple(kept)
    producers: dict[str, set[str]] = {name: set() for name in seen if name != source}
    leaders = set()
    for left, edges in after.items():
        for edge in edges:
            if edge.right in producers:
                producers[edge.right].add(left)
            elif edge.right in ends:
                leaders.add(left)
    return Plan(
        source=source,
        after=after,
        producers={name: frozenset(lefts) for name, lefts in producers.items()},
        leaders=frozenset(leaders or {source}),
    )
