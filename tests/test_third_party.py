"""A backend from outside: that of docs/backends.md is chosen by its word, runs, and is heard."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from tests.embedded.client import SdkCaller
from tests.embedded.server import Server

ROOT = Path(__file__).parents[1]
PYTHON, YAML = re.findall(r"```(?:python|yaml)\n(.*?)```", (ROOT / "docs" / "backends.md").read_text("utf-8"), re.S)[:2]


@pytest.mark.anyio
async def test_it_runs_by_its_word_and_is_heard(tmp_path: Path) -> None:
    (tmp_path / "beep.py").write_text(PYTHON, "utf-8")
    (tmp_path / "conf" / "tts").mkdir(parents=True)
    (tmp_path / "conf" / "tts" / "beep.yaml").write_text(YAML, "utf-8")
    graph = ["graph=text", "graph.chat=caller | chat | llm | clauses | tts | caller", "+graph.words=llm | caller"]
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    with OpenAIServer(Scripted(text=("Three ", "short ", "words."))) as model:
        llm = ["llm=vllm", f"llm.base_url={model.url}"]
        server = Server("--config-dir", str(tmp_path / "conf"), "tts=beep", *graph, *llm, env={"PYTHONPATH": path})
        try:
            assert "tts=Beep" in "".join(server.output)
            async with SdkCaller(server.url) as caller:
                message: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
                await caller.connection.conversation.item.create(item=message)
                await caller.connection.response.create()
                await caller.until(lambda: caller.answers and caller.answers[0].done)
        finally:
            assert server.close() == 0, "".join(server.output)
    (answer,) = caller.answers
    assert (answer.done.status, answer.words) == ("completed", "Three short words.")
    assert answer.seconds > 0.2 and abs(answer.samples).max() > 0.01
