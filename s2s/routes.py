"""A route is a line of stage names such as `caller | vad | stt`: how it is read, and how its mistakes are worded."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from s2s.messages import Item, Message
from s2s.mistakes import near

CALLER = "caller"
_ORDER: dict[Any, int] = {kind: place for place, kind in enumerate(typing.get_args(Item))}


@dataclass(frozen=True)
class Hop:
    """One `left | right` of the route `key`, such as `graph.voice`."""

    key: str
    left: str
    right: str


def ordered(types: Iterable[type[Message]]) -> list[str]:
    """Return the names of message types in the order in which they follow each other in a conversation."""
    return [kind.__name__ for kind in sorted(types, key=lambda kind: (_ORDER.get(kind, len(_ORDER)), kind.__name__))]


def any_of(types: Iterable[type[Message]]) -> str:
    """Return `Audio or Ask`, or `nothing`."""
    return " or ".join(ordered(types)) or "nothing"


def hops(routes: Mapping[str, Any], known: Collection[str]) -> tuple[list[Hop], list[str]]:
    """Return the hops of all routes that count, each between known stages, and the mistakes."""
    found: list[Hop] = []
    mistakes: list[str] = []
    for name, route in drawn(routes).items():
        key = f"graph.{name}"
        if route is None:
            continue
        if not isinstance(route, str):
            mistakes.append(f"{key}: input should be a route such as 'caller | stt | caller', not {route!r}")
            continue
        stops = [stop.strip() for stop in route.split("|")]
        if not all(stops):
            mistakes.append(f"{key}: '{route}' has an empty place; write stage names between the '|'")
        elif len(stops) < 2:
            mistakes.append(f"{key}: '{route.strip()}' goes nowhere; write 'a | b'")
        for stop in dict.fromkeys(filter(None, stops)):
            if stop not in known:
                mistakes.append(f"{key}: no stage is called '{stop}'{near(stop, known)}")
        found += [Hop(key, a, b) for a, b in itertools.pairwise(stops) if a in known and b in known]
    return found, mistakes


def drawn(routes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the routes that count: a stage's own side routes, such as `turn | endpoint | turn`, only where it is used.

    A side route begins and ends at the same stage; a graph without that stage has no use for it. A route from elsewhere
    to a stage beside it, such as `stt | endpoint`, counts where the graph has both.
    """
    loops = {name: _stops(route) for name, route in routes.items() if _sideways(route)}
    beside = {stop for stops in loops.values() for stop in stops[1:-1]}
    main = {
        name
        for name, route in routes.items()
        if name not in loops and (_open(route) or not beside & set(_stops(route)))
    }
    used = {stop for name in main for stop in _stops(routes[name])}
    kept = {name for name, stops in loops.items() if stops[0] in used}
    used.update(*(loops[name] for name in kept))
    return {
        name: route
        for name, route in routes.items()
        if name in main or name in kept or (name not in loops and used.issuperset(_stops(route)))
    }


def stops(routes: Mapping[str, Any]) -> set[str]:
    """Return every name that stands in a route that counts."""
    return {stop for route in drawn(routes).values() for stop in _stops(route)}


def _stops(route: Any) -> list[str]:
    return [stop.strip() for stop in route.split("|")] if isinstance(route, str) else []


def _sideways(route: Any) -> bool:
    stops = _stops(route)
    return len(stops) > 2 and stops[0] == stops[-1] and CALLER not in stops


def _open(route: Any) -> bool:
    return CALLER in _stops(route)
