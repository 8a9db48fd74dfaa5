"""How the documents of speech-to-speech connect: its users' own lines work here, in the beta's package and over TLS."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.modes.served import serving

pytestmark = pytest.mark.anyio

BETA = Path(sys.prefix) / "clients" / "openai-1" / "bin" / "python"

PROGRAM = """
import sys
from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="not-needed")
with client.beta.realtime.connect(model="model_name") as conn:
    conn.session.update(
        session={"instructions": "Be helpful.", "turn_detection": {"type": "server_vad", "interrupt_response": True}}
    )
    for event in conn:
        print(event.type, flush=True)
        if event.type == "session.updated":
            print(event.session.instructions, event.session.turn_detection.silence_duration_ms)
            break
"""
"""A base URL of plain HTTP, a flat session without a type, and any model and key."""


@pytest.mark.skipif(not BETA.exists(), reason="its environment is not here; make test sets it up")
async def test_the_documented_client_connects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.tls.user_cache_path", lambda name: tmp_path)
    async with serving(tls="self-signed") as server:
        env = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "tls" / "127.0.0.1" / "cert.pem")}
        command = [str(BETA), "-c", PROGRAM, f"{server.http}/v1"]
        run = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, env=env, check=False
        )
        assert run.stdout.splitlines() == ["session.created", "session.updated", "Be helpful. 200"], run.stderr
