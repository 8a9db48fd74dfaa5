"""A VITS voice whose sound comes in pieces: its graph is cut where all that follows is made of one tensor.

What is before the flow needs the whole sentence, and runs once. The flow and the decoder are convolutions, which see
some frames on either side: they are cut after each of their blocks, and each part is run on just what the next piece
of sound needs. So no part makes much twice, and the joined pieces are what the whole graph would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.tts.onnx_graph import Graph, Node

Floats = NDArray[np.float32]
Sides = dict[str, Floats]
"""What some parts take besides the frames: a mask with a value for each, or a speaker's embedding."""
STREAMED = ("/flow/", "/dec/")
"""How the names of the nodes begin that see a few frames only."""
STUDIED = 96
"""Frames on which a part is tried out: those of the largest voices see 33 on either side."""


@dataclass
class Part:
    """A stretch of the graph: of each frame of `takes` it makes `ratio`, and sees `context` more on either side."""

    session: Any
    takes: str
    ratio: int = 1
    context: int = 0

    def run(self, frames: Floats, sides: Sides, options: Any = None) -> Floats:
        """Return what is made of frames, of which time is the last axis."""
        feed = {side.name: sides[side.name] for side in self.session.get_inputs() if side.name != self.takes}
        made: Floats = self.session.run(None, {self.takes: frames, **feed}, options)[0]
        return made

    def study(self, frames: Floats, sides: Sides) -> bool:
        """Find `ratio` and `context` by what the change of one frame changes; return whether they exist."""
        length = int(frames.shape[-1])
        middle = length // 2
        made = self.run(frames, sides)
        other = self.run(_changed(frames, middle), {name: _changed(side, middle) for name, side in sides.items()})
        differs = np.flatnonzero((other != made).reshape(-1, made.shape[-1]).any(0))
        self.ratio, rest = divmod(made.shape[-1], length)
        if rest or not self.ratio or not differs.size:
            return False
        first, last = int(differs[0]) // self.ratio, int(differs[-1]) // self.ratio
        self.context = max(middle - first, last - middle)
        return self.context < middle - 1


class Vits:
    """The sessions of one voice: `head` makes the latent frames of a sentence, `parts` make sound of some of them.

    `open_session` opens one with a path or with a model's bytes. There are no parts, and the head makes the sound,
    where that is not `pieces` or where the graph has no such place to be cut at.
    """

    def __init__(self, path: Path, open_session: Callable[[str | bytes], Any], pieces: bool = True) -> None:
        self._path, self._open = str(path), open_session
        self._sides: list[str] = []
        self.parts: list[Part] = []
        cuts: list[str] = []
        if pieces:
            with suppress(ValueError):  # of what is no graph: the runtime says more
                graph = Graph(path)
                cuts, self._sides = find_cuts(graph)
        if not cuts:
            self.head = open_session(self._path)
            return
        for takes, gives in pairwise(cuts):
            self.parts.append(Part(open_session(graph.part([takes, *self._sides], [gives])), takes))
        head = graph.part([], [cuts[0], *self._sides])
        del graph  # and the file, before the largest part is held twice
        self.head = open_session(head)

    def study(self, feed: dict[str, Any]) -> None:
        """Try the parts on a sentence; take the graph whole where one of them sees all of it."""
        if not self.parts:
            return
        frames, *rest = self.head.run(None, feed)
        total, some = frames.shape[-1], np.arange(STUDIED)
        sides = {k: v[..., some % total] if v.shape[-1] == total else v for k, v in zip(self._sides, rest, strict=True)}
        frames = frames[..., some % total]
        for part in self.parts:
            if not part.study(frames, sides):
                self.parts, self.head = [], self._open(self._path)
                return
            frames = part.run(frames, sides)[..., some]

    @property
    def hop(self) -> int:
        """How many samples are made of a latent frame."""
        return int(np.prod([part.ratio for part in self.parts]))

    def speak(self, feed: dict[str, Any], first: int, options: Any = None) -> Iterator[Floats]:
        """Yield a sentence's samples, those of `first` latent frames, then of twice as many each time.

        It is one piece where there are no parts. Raises what the runtime raises where `options` end the run.
        """
        latent, *rest = self.head.run(None, feed, options)
        if not self.parts:
            yield latent.reshape(-1)
            return
        sentence = _Sentence(self.parts, latent, dict(zip(self._sides, rest, strict=True)), options)
        total, end = latent.shape[-1], 0
        while end < total:
            end = end + first if end + first + first // 2 < total else total
            first *= 2
            yield sentence.until(len(self.parts), end * self.hop).reshape(-1)


class _Sentence:
    """One sentence on its way through the parts, level by level: of each it keeps what the next part still needs."""

    def __init__(self, parts: list[Part], latent: Floats, sides: Sides, options: Any) -> None:
        self._parts, self._sides, self._options = parts, sides, options
        self._kept = [latent, *([latent[..., :0]] * len(parts))]
        self._ends = [latent.shape[-1], *([0] * len(parts))]
        self._totals = [latent.shape[-1]]
        for part in parts:
            self._totals.append(self._totals[-1] * part.ratio)

    def until(self, level: int, end: int) -> Floats:
        """Return the next frames of a level, up to `end`."""
        part, begin = self._parts[level - 1], self._ends[level]
        low = max(0, begin // part.ratio - part.context)
        high = min(self._totals[level - 1], -(-end // part.ratio) + part.context)
        total = self._totals[level - 1]
        sides = {k: v[..., low:high] if v.shape[-1] == total else v for k, v in self._sides.items()}
        made = part.run(self._frames(level - 1, low, high), sides, self._options)
        self._ends[level] = end
        return made[..., begin - low * part.ratio : end - low * part.ratio]

    def _frames(self, level: int, low: int, high: int) -> Floats:
        """Return frames of a level, made where they are not there yet; those before `low` are let go."""
        begin = self._ends[level] - self._kept[level].shape[-1]
        kept: Floats = self._kept[level][..., low - begin :]
        if high > self._ends[level]:
            more = self.until(level, high)
            kept = np.concatenate([kept, more], -1) if kept.size else more
        self._kept[level] = kept
        return kept[..., : high - low]


def _changed(frames: Floats, at: int) -> Floats:
    changed: Floats = frames.copy()
    changed[..., at : at + 1] += 1 + 4 * np.abs(frames).max()
    return changed


def find_cuts(graph: Graph) -> tuple[list[str], list[str]]:
    """Return the tensors to cut a graph at, the first its latent frames, the last its sound, and what goes beside them.

    Both are empty where no node is named as those of a flow or of a decoder.
    """
    known, latent = dict.fromkeys(graph.inputs, -1), ""
    for index, node in enumerate(graph.nodes):
        moving = [name for name in node.inputs if name in known]
        if moving and node.name.startswith(STREAMED):
            latent = latent or max(moving, key=known.__getitem__)  # its mask was made before
        known.update(dict.fromkeys(node.outputs if moving else (), index))
    made, region = {latent}, list[Node]()
    for node in graph.nodes:
        if made.intersection(node.inputs):
            region.append(node)
            made.update(node.outputs)
    sides = [name for node in region for name in node.inputs if name in known and name not in made]
    sound = next(iter(graph.outputs), "")
    if not latent or sound not in made or not region[0].name.startswith(STREAMED):
        return [], []
    return [latent, *_necks(region, latent)[:-1], sound], list(dict.fromkeys(sides))


def _necks(region: list[Node], latent: str) -> list[str]:
    """Return the tensors that alone go on after a block, such as a flow's or that of a decoder's residual sum."""
    last_use = {name: index for index, node in enumerate(region) for name in node.inputs}
    alive, necks, inside = {latent}, list[str](), False
    for index, node in enumerate(region):
        alive = {name for name in alive.union(node.outputs) if last_use.get(name, -1) > index}
        if inside and len(alive) == 1:
            necks += alive
        inside = len(alive) > 1
    return necks
