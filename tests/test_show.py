"""`mode=show`: what it prints of a graph, without loading a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from s2s.graph import Graph, compile_graph
from s2s.messages import Audio, Speech, Transcript
from s2s.modes.show import Show, described, mermaid
from s2s.place.options import Place
from s2s.stage import Call, Stage


@dataclass(kw_only=True)
class Ears(Stage):
    def run(self, call: Call, item: Audio) -> Iterator[Speech]:
        yield from ()


@dataclass(kw_only=True)
class Stt(Stage):
    model: str = "tiny"
    api_key: str | None = None
    needs = ("not_installed_here",)
    extra = "stt"
    takes_hz = 16_000

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        yield from ()


@dataclass(kw_only=True)
class Log(Stage):
    commits = True

    def run(self, call: Call, item: Transcript) -> Iterator[None]:
        yield from ()


@pytest.fixture
def graph() -> Graph:
    return compile_graph(
        {"voice": "caller | ears | stt | caller", "log": "stt | log"},
        {
            "ears": (Ears(), Place(kind="inline")),
            "stt": (Stt(model="[base]", api_key="abc"), Place(replicas=2, wait_ms=4, full="drop-oldest")),
            "log": (Log(), Place()),
            "spare": (Ears(), Place()),
        },
    )


def test_tables_show_stages_edges_resamplers_and_what_is_missing(
    graph: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    Show().show(graph)
    out = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "stt Stt thread x2 wait_ms=4 full=drop-oldest Speech Transcript model=[base] api_key=***" in rows
    assert "stt@16kHz Resample inline Speech Speech" in rows
    assert "stt@16kHz | stt Speech the oldest is dropped" in rows
    assert "caller | ears Audio no queue" in rows
    assert "stt | caller Transcript the sender waits" in rows
    assert "unused: spare (Ears); no route names them" in rows
    assert "stt: Stt needs the package 'not_installed_here': pip install 's2s[stt]'" in rows
    assert f"```mermaid\n{mermaid(graph)}\n```\n" in out
    assert "abc" not in out


def test_a_picture_alone_can_be_pasted(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    Show(format="mermaid").show(graph)
    assert capsys.readouterr().out == (
        "graph LR\n"
        "  in([caller])\n"
        '  s_ears["ears<br/><small>Ears, inline</small>"]\n'
        "  s_stt_16kHz[/to 16 kHz/]\n"
        '  s_stt["stt<br/><small>Stt, thread x2</small>"]\n'
        '  s_log[("log<br/><small>Log, thread</small>")]\n'
        "  out([caller])\n"
        "  in -->|Audio| s_ears\n"
        "  s_ears -->|Speech| s_stt_16kHz\n"
        "  s_stt_16kHz -.->|Speech| s_stt\n"
        "  s_stt -->|Transcript| out\n"
        "  s_stt -->|Transcript| s_log\n"
    )


def test_a_program_reads_json(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    Show(format="json").show(graph)
    read = json.loads(capsys.readouterr().out)
    assert read == described(graph)
    assert [stage["name"] for stage in read["stages"]] == ["ears", "stt@16kHz", "stt", "log"]
    assert read["stages"][2]["options"] == {"model": "[base]", "api_key": "***"}
    assert {"from": "stt", "to": "log", "carries": ["Transcript"], "waits": True} in read["edges"]
    assert [stage["name"] for stage in read["unused"]] == ["spare"]
    assert read["missing"] == ["stt: Stt needs the package 'not_installed_here': pip install 's2s[stt]'"]


def test_a_drawing_shows_each_stage_and_edge_once_and_stands_alone(
    graph: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    Show(format="svg").show(graph)
    root = ElementTree.fromstring(capsys.readouterr().out)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(text for text in texts if text in ("ears", "stt@16kHz", "stt", "log", "caller")) == [
        "caller", "caller", "ears", "log", "stt", "stt@16kHz",
    ]  # fmt: skip
    assert texts.count("Transcript") == 2 and texts.count("Speech") == 2 and texts.count("Audio") == 1
    boxes = [(float(box.get("x", 0)), float(box.get("y", 0))) for box in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(set(boxes)) == 6, "none lies on another"
    width, height = map(float, root.get("viewBox", "").split()[2:])
    assert all(0 <= x <= width - 150 and 0 <= y <= height - 46 for x, y in boxes)
    told = " ".join(title.text or "" for title in root.iter("{http://www.w3.org/2000/svg}title"))
    assert "wait_ms=4" in told and "abc" not in told


def test_what_a_stage_would_load_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, absent = tmp_path / "here.onnx", tmp_path / "absent.onnx"
    here.write_bytes(b"weights")

    @dataclass(kw_only=True)
    class Model(Ears):
        def weights(self) -> list[str]:
            return [str(here), f"pip:nothing==1/{absent.name}#sha256={'0' * 64}"]

    graph = compile_graph(
        {"voice": "caller | ears | stt | caller"}, {"ears": (Model(), Place()), "stt": (Stt(), Place())}
    )
    assert described(graph)["stages"][0]["loads"] == [f"{here} (here)", "pip:nothing==1/absent.onnx (to be fetched)"]
    Show().show(graph)
    assert "pip:nothing==1/absent.onnx (to be fetched)" in capsys.readouterr().out


def test_it_needs_no_model() -> None:
    assert Show.offline
