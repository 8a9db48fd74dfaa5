"""`mode=convert`: lines of speech-to-speech become recipes that compose, and words that do the same."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from s2s import cli
from s2s.build import build
from s2s.compose import compose
from s2s.convert import options
from s2s.convert.flags import FLAGS
from s2s.convert.parse import parse
from s2s.convert.recipe import Recipe, made, text
from s2s.mistakes import ConfigError
from s2s.paths import CONF
from tests.convert.lines import DOCUMENTED, IN_USE, NAMED


def convert(line: str) -> Recipe:
    """What a whole line becomes."""
    return made(parse([line]))


def mistakes(line: str) -> list[str]:
    """What is wrong with a line."""
    with pytest.raises(ConfigError) as caught:
        parse([line])
    return list(caught.value.mistakes)


def composed(*words: str) -> dict[str, Any]:
    """The config of a command line, which builds."""
    config = compose(*words)
    build(config, packages=False)
    found = OmegaConf.to_container(config, resolve=False)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def both(printed: str, folder: Path) -> dict[str, Any]:
    """The config of a recipe, which that of the words at its end is too."""
    path = folder / "converted.yaml"
    path.write_text(printed, encoding="utf-8")
    found = composed(str(path))
    command = "\n".join(row[2:] for row in printed.partition("# The same without a file:\n")[2].splitlines())
    program, *words = shlex.split(command)
    assert program == "s2s-run"
    assert composed(*words) == found
    return found


@pytest.mark.parametrize("line", [*DOCUMENTED, *NAMED, *IN_USE])
def test_a_line_becomes_a_recipe_and_words_that_compose_alike(line: str, tmp_path: Path) -> None:
    read = parse([line])
    found = both(text(read), tmp_path)
    assert list(found["mode"]) == [read.mode]


@pytest.mark.parametrize("name", FLAGS)
def test_every_flag_that_is_given_shows_up(name: str, tmp_path: Path) -> None:
    flag = FLAGS[name]
    samples: dict[type, str] = {bool: "true", int: "64", float: "0.5", dict: "{}", str: "en"}
    value = flag.choices[-1] if flag.choices else "cpu" if "device" in name else samples[flag.kind]
    words = [f"--{name}", value]
    if flag.of:
        chooser, _, choices = flag.of.partition("=")
        words = [f"--{chooser}", choices.split(",")[0], *words]
    read = parse(words)
    printed = text(read)
    body = printed.partition("# The same without a file:")[0].split("\n", 3)[3]
    assert f"--{name} " in f"{body} ".replace(":", " ").replace("\n", " ")
    if f"# --{name} " not in body:
        both(printed, tmp_path)


def test_what_a_line_with_everything_becomes() -> None:
    recipe = convert(DOCUMENTED[-1])
    assert recipe.choices["mode"] == "socket"
    assert recipe.choices["llm"] == "responses-api"
    assert recipe.values == {
        "mode.socket.recv_host": "0.0.0.0",
        "mode.socket.send_host": "0.0.0.0",
        "llm.model": "gpt-4o-mini",
        "llm.api_key_env": "OPENAI_API_KEY",
    }
    assert "--responses_api_stream: always streamed: a caller would wait in silence" in recipe.left_out


def test_a_file_of_json_is_a_line_too(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"mode": "socket", "recv_port": 5, "thresh": 1, "device": None, "language": None}))
    read = parse([f"speech-to-speech {path}"])
    assert read.given == {"mode": "socket", "recv_port": 5, "thresh": 1.0, "language": None}
    assert made(read).values["mode.socket.language"] is None
    for content, told in (
        ("{", "expecting property name"),
        ("[1]", "a file of flags is an object"),
        ('{"recv_port": "many", "mod": 1, "stt": 3}', "--recv_port: input should be a whole number, not 'many'"),
    ):
        path.write_text(content)
        assert told in mistakes(str(path))[0]
    assert mistakes(str(path))[1:] == [
        "--mod: speech-to-speech 0.2.11 has no such flag; did you mean '--mode'?",
        "--stt: input should be text, not 3",
    ]
    path.unlink()
    assert mistakes(str(path)) == [f"{path}: no such file"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("speech-to-speech --modle_name m",
         "--modle_name: speech-to-speech 0.2.11 has no such flag; did you mean '--model_name'?"),
        ("--smart", "--smart: speech-to-speech 0.2.11 has no such flag; did you mean '--stt'?"),
        ("--no_thresh", "--no_thresh: speech-to-speech 0.2.11 has no such flag; did you mean '--thresh'?"),
        ("--mode telephone", "--mode: input should be 'realtime', 'local', 'socket' or 'websocket', not 'telephone'"),
        ("--ws_port", "--ws_port: needs a value"),
        ("--ws_port --mode local", "--ws_port: needs a value"),
        ("--ws_port 80.5", "--ws_port: input should be a whole number, not '80.5'"),
        ("--thresh nan", "--thresh: input should be a number, not 'nan'"),
        ("--enable_live_transcription maybe",
         "--enable_live_transcription: input should be true or false, not 'maybe'"),
        ("speech-to-speech serve", "mode.convert: 'serve' belongs to no flag of speech-to-speech 0.2.11"),
        ("docker compose up", "mode.convert: 'docker' belongs to no flag of speech-to-speech 0.2.11"),
        ("speech-to-speech --mode 'local", "mode.convert: no closing quotation in the line after '--'"),
        ("python scripts/listen_and_play.py --host 192.168.1.42",
         "mode.convert: scripts/listen_and_play.py is a client; the one in clients/ takes the same flags"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_it(line: str, told: str) -> None:
    assert mistakes(line) == [told]


def test_all_mistakes_come_at_once() -> None:
    assert [told.partition(":")[0] for told in mistakes("--ws_port x --nothing at all --tts piper")] == [
        "--ws_port", "--nothing", "--tts",
    ]  # fmt: skip


def test_words_may_come_split_by_the_shell() -> None:
    words = ["--init_chat_prompt", "", "--recv_host=::1", "--mode", "socket"]
    read = parse(["env", "A_KEY=1", "python", "s2s_pipeline.py", *words])
    assert read.given == {"init_chat_prompt": "", "recv_host": "::1", "mode": "socket"}
    assert read.environment == ("A_KEY",)


def test_the_macs_settings_stand_for_others_and_give_way_to_them() -> None:
    recipe = convert("speech-to-speech --local_mac_optimal_settings --mode realtime")
    assert (recipe.choices["mode"], recipe.choices["device"]) == ("realtime", "mps")
    assert recipe.choices.get("llm", "mlx-lm") == "mlx-lm"


def test_a_backend_that_is_not_there_is_left_out_until_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "tts" / "kokoro.yaml").unlink(missing_ok=True)
    monkeypatch.setattr(options, "CONF", conf)
    line = "speech-to-speech --tts kokoro --kokoro_voice jm_kumo --kokoro_lang_code a --pocket_tts_voice jean"
    before = convert(line)
    assert "tts" not in before.choices and not before.values
    assert [reason.partition(":")[0] for reason in before.left_out][:4] == [
        "--tts kokoro", "--kokoro_voice jm_kumo", "--kokoro_lang_code a", "--pocket_tts_voice jean",
    ]  # fmt: skip
    assert before.left_out[1] == "--kokoro_voice jm_kumo: tts=kokoro is not built yet"
    (conf / "tts" / "kokoro.yaml").write_text("_target_: x.Y\nvoice: a\n")
    after = convert(line)
    assert after.choices["tts"] == "kokoro"
    assert after.values == {"tts.voice": "jm_kumo"}
    assert "--kokoro_lang_code a: tts=kokoro has no option 'language'" in after.left_out
    assert "--pocket_tts_voice jean: counts with --tts pocket only" in after.left_out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ([], 2, "mode.convert: no command line to convert; write it after '--', as in: s2s-run mode=convert -- "),
        (["--"], 2, "mode.convert: no command line to convert"),
        (["--", "--nope"], 2, "--nope: speech-to-speech 0.2.11 has no such flag; did you mean '"),
        (["--", "speech-to-speech", "--ws_port", "9000"], 0, ""),
    ],
)
def test_it_is_a_mode(
    words: list[str],
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "rest", [])
    monkeypatch.setattr(sys, "argv", ["s2s-run", "mode=convert", *words])
    found = 0
    try:
        cli.main()
    except SystemExit as end:
        found = int(end.code or 0)
    out, err = capsys.readouterr()
    assert found == status
    assert err.startswith(told) and len(err.splitlines()) == (status != 0)
    assert out.startswith("# @package _global_\n") == (status == 0)
    assert list(tmp_path.iterdir()) == []
