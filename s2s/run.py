"""Run a deployment: load its graph, serve its modes, and end them all when asked to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from s2s.engine import Engine, EngineError
from s2s.memory import keep_flat, settle, tidy
from s2s.mistakes import ConfigError
from s2s.modes.mode import ModeError

if TYPE_CHECKING:
    from s2s.build import Deployment


LOOK_S = 0.05
"""Seconds between two looks whether all has been said that was under way when the process was asked to end."""
GIVE_WAY_S = 0.0005
"""Seconds for which a thread keeps the interpreter from another: models come back to it many times an answer."""


def run(deployment: Deployment) -> int:
    """Serve until SIGINT or SIGTERM and return the exit status: 0 at the end, 1 when a model fails, 2 for a mistake."""
    began = time.monotonic()
    sys.setswitchinterval(GIVE_WAY_S)
    keep_flat()
    _log(str(deployment.config.get("log", "info")))
    mistakes: list[str] = []
    for name, mode in deployment.modes.items():
        try:
            mode.bind(f"mode.{name}")
        except ConfigError as error:
            mistakes.extend(str(error).splitlines())
    if mistakes:
        print("\n".join(mistakes), file=sys.stderr)
        return 2
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(_serve(deployment, began))
    except (EngineError, ModeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _log(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx", "httpcore", "openai", "asyncio", "websockets", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))


async def _serve(deployment: Deployment, began: float) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()
    _on_signals(_leave)
    async with Engine(deployment.graph, deployment.sessions, speculation=deployment.speculation) as engine:
        settle()
        _on_signals(stop.set)
        for mode in deployment.modes.values():
            mode.open()
        serving = [asyncio.create_task(mode.serve(engine)) for mode in deployment.modes.values()]
        _greet(deployment, time.monotonic() - began)
        tidying = asyncio.create_task(tidy(lambda: bool(engine.calls)))
        waiting = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if waiting in done:
            _on_signals(at_once.set)
            await _drain(engine, deployment.drain_s, at_once)
        for task in [*serving, waiting, tidying]:
            task.cancel()
        await asyncio.gather(*serving, waiting, tidying, return_exceptions=True)
        for task in done - {waiting}:
            task.result()


async def _drain(engine: Engine, seconds: float, at_once: asyncio.Event) -> None:
    """Take no new calls, and let answers that are under way be said for so long, or until another signal comes."""
    engine.closing = True
    until = time.monotonic() + seconds
    while not all(call.idle for call in engine.calls.values()) and time.monotonic() < until:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(at_once.wait(), LOOK_S)
            return


def _on_signals(do: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, do)


def _leave() -> None:
    """End the process while models load: threads in native code can't be stopped otherwise."""
    logging.getLogger("s2s").warning("stopped before the models were loaded")
    os._exit(0)


def _greet(deployment: Deployment, seconds: float) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    stages = [f"{name}={type(node.stage).__name__}" for name, node in deployment.graph.nodes.items() if node.stage]
    console.print(f"[bold]ready in {seconds:.1f} s[/]  {' '.join(stages)}")
    for mode in deployment.modes.values():
        for line in mode.banner:
            console.print(line, markup=False)
