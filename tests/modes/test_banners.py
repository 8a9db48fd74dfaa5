"""What a mode says when it listens: where, and a line to try next that works as it stands."""

from __future__ import annotations

import importlib
import logging
import re
from typing import Any

import pytest

from s2s.modes.realtime import Realtime
from s2s.modes.socket import Socket
from s2s.modes.websocket import WebSocket
from s2s.paths import PACKAGE

MODES = [
    pytest.param(Realtime(port=0), id="realtime"),
    pytest.param(Socket(recv_port=0, send_port=0), id="socket"),
    pytest.param(WebSocket(port=0), id="websocket"),
]


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_says_where_it_listens_and_what_to_try(mode: Any) -> None:
    mode.bind("mode.test")
    where, what = mode.banner
    sockets = [getattr(mode, name).socket for name in ("_listener", "_receiving", "_sending") if hasattr(mode, name)]
    for one in sockets:
        assert str(one.getsockname()[1]) in where
        one.close()
    script = re.search(r"try: python (clients/\w+\.py)", what)
    assert script is not None and (PACKAGE.parent / script[1]).is_file()
    if "listen_and_play" in script[1]:
        words = what.split(script[1])[1].split()
        flags = importlib.import_module("s2s.clients.listen_and_play").parser().parse_args(words)
        assert flags.url or (flags.send_port, flags.recv_port) == (mode._receiving.port, mode._sending.port)


@pytest.mark.parametrize("name", ["recv_host", "send_host"])
def test_a_wire_without_keys_that_others_can_reach_is_warned_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    mode = Socket(recv_port=0, send_port=0, **{name: "0.0.0.0"})
    with caplog.at_level(logging.WARNING, "s2s"):
        mode.bind("mode.socket")
    mode._receiving.close()
    mode._sending.close()
    (told,) = caplog.messages
    assert told == f"mode.socket.{name}: other machines can reach 0.0.0.0, and this wire has no keys"
