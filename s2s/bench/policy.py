"""Turn policies to compare: words such as `turn=silence turn.silence_ms=200,500` in, turn stages as composed out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from s2s.graph import Graph
from s2s.messages import EndOfTurn, Message, Transcript
from s2s.mistakes import ConfigError, sentence
from s2s.objections import objection
from s2s.place.pool import is_async, loaded
from s2s.plan import Faces
from s2s.stage import Stage


class Policy(NamedTuple):
    """A turn stage, the words and config that made it, and the hints it takes; `setting` tells it from others."""

    name: str
    setting: str
    words: tuple[str, ...]
    stage: Stage
    hints: frozenset[type[Message]]
    config: dict[str, Any]


def policies(points: Mapping[str, str | None], key: str, graph: Graph) -> list[Policy]:
    """Return the policies of all points, each a line of words, of which one may hold several values as in a sweep.

    All other words of the command line count for each of them. `graph` is the one that runs and gives the hints. Raises
    ConfigError under `key`.
    """
    found: list[Policy] = []
    mistakes: list[str] = []
    composed: dict[tuple[str, ...], Any] = {}
    for name, line in points.items():
        try:
            for words, setting in _each(line or ""):
                found.append(_policy(name, setting, words, graph, composed))
        except ConfigError as error:
            mistakes += [f"{key}.{name}: {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise ConfigError(mistakes)
    return found


def _each(line: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return the words of every point of a line, and what tells it from the others."""
    choices: list[list[str]] = []
    told: list[list[str]] = []
    for word in line.split():
        override = _read(word)
        swept = override.is_sweep_override()
        values = list(override.sweep_string_iterator()) if swept else [""]
        choices.append([f"{override.get_key_element()}={value}" if swept else word for value in values])
        told.append([f"{override.key_or_group.removeprefix('turn.')}={value}" if swept else "" for value in values])
    for words, settings in zip(itertools.product(*choices), itertools.product(*told), strict=True):
        if words:
            yield words, " ".join(filter(None, settings)) or "as composed"


def _read(word: str) -> Any:
    """Return a word as Hydra reads it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    remedy = "write turn=OPTION or turn.KEY=VALUE"
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ConfigError([f"{word}: {sentence(str(error))}; {remedy}"]) from error
    if override.key_or_group.partition(".")[0] != "turn" or override.is_delete():
        raise ConfigError([f"points differ in how turns end alone; {remedy}, not '{word}'"])
    return override


def _policy(
    name: str, setting: str, words: tuple[str, ...], graph: Graph, composed: dict[tuple[str, ...], Any]
) -> Policy:
    from omegaconf import OmegaConf

    from s2s.build import build

    values = [word for word in words if "." in word.partition("=")[0]]
    groups = tuple(word for word in words if word not in values)
    if groups not in composed:  # takes half a second
        composed[groups] = _composed(groups)
    config = copy.deepcopy(composed[groups])
    for word in values:
        override = _read(word)
        OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
    made = build(config, packages=False)
    own = made.graph
    turn = Faces.of(own).turn
    stage = own.nodes[turn].stage if turn else None
    if stage is None or is_async(stage):
        raise ConfigError(["no stage of the graph ends turns at once; choose one such as turn=silence"])
    hints: dict[type[Message], str] = {
        kind: edge.left for edge in own.before(turn) for kind in (Transcript, EndOfTurn) if kind in edge.carries
    }
    for lacking in set(hints.values()) - graph.nodes.keys():
        raise ConfigError([f"it needs the stage '{lacking}', which does not run here; choose turn=smart or turn=fused"])
    return Policy(name, setting, words, loaded(stage), frozenset(hints), made.config)


def _composed(words: tuple[str, ...]) -> Any:
    """Return the config of the command line with other words for its turn."""
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException

    from s2s.compose import compose

    try:
        if not GlobalHydra.instance().is_initialized():
            return compose(*words, "mode=show")
        keyed = [(word.lstrip("+").partition("=")[0], word) for word in HydraConfig.get().overrides.task]
        said = [word for key, word in keyed if key not in ("mode", "turn") and not key.startswith("mode.")]
        return hydra.compose("config", overrides=[*said, *words, "mode=show"])
    except HydraException as error:
        raise ConfigError(["; ".join(objection(error).splitlines())]) from error
