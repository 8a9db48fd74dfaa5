"""`s2s-run` as a user types it: the error table word for word, recipes by name and path, help and completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from s2s import cli
from s2s.objections import objection
from s2s.paths import PACKAGE

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Give `run(*argv)`: the command line in this process and an empty folder; its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["s2s-run", *argv])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["+llm.modle=x", "llm=chat-completions", "llm.model=m"],
         "llm.modle: ChatCompletions has no such option; did you mean 'model'?"),
        (["llm.modle=x", "llm=chat-completions", "llm.model=m"],
         "llm.modle: ChatCompletions has no such option; did you mean 'model'?"),
        (["llm=chat-completions", "llm.model=m", "llm.temperature=hot"],
         "llm.temperature: input should be a valid number, not 'hot'"),
        (["stt.place.kind=cluster"],
         "stt.place.kind: input should be 'inline', 'loop', 'thread', 'process' or 'ray', not 'cluster'"),
        (["llm=chat-completions"], "llm.model: ChatCompletions needs a value"),
        (["graph.voice=caller | vad | sst"], "graph.voice: no stage is called 'sst'; did you mean 'stt'?"),
        (["graph.voice=caller | stt | llm"],
         "graph.voice: 'caller | stt' carries nothing: caller sends Audio or Ask or ToolResult, stt takes Speech\n"
         "graph.voice: 'stt | llm' carries nothing: stt sends Transcript, llm takes Prompt"),
        (["graph=recorder", "graph.voice=caller | vad | turn | stt | chat | llm | clauses | tts | recorder"],
         "mode.realtime: sound can't reach the caller; add '… | caller' to a route"),
        (["sesions=3"], "sesions: no such option or stage; did you mean 'sessions'?"),
        (["llm=vlm"], "llm=vlm: no such option; did you mean 'vllm'?"),
        (["+tts@v=piperr"], "tts=piperr: no such option; did you mean 'piper'?"),
        (["recipe=[cpu,kioks]"], "recipe=kioks: no such option; did you mean 'kiosk'?"),
        (["turn=x"], "turn=x: no such option; choose from fused, silence, smart"),
        (["show"], "show: write GROUP=OPTION, KEY.PATH=VALUE, or the path of a recipe"),
        (["./office.yaml"], "office.yaml: no such recipe"),
    ],
)  # fmt: skip
def test_a_mistake_ends_with_code_2_and_its_text_alone(run: Run, argv: list[str], text: str) -> None:
    assert run(*argv) == (2, "", f"{text}\n")


def test_all_mistakes_come_at_once(run: Run) -> None:
    code, out, err = run("llm.modle=x", "stt.place.kind=cluster", "graph.voice=caller | vad | sst", "sessions=many")
    assert (code, out) == (2, "")
    assert [line.split(":")[0] for line in err.splitlines()] == [
        "sessions", "stt.place.kind", "llm.modle", "graph.voice",
    ]  # fmt: skip


def test_hydras_own_mistakes_end_with_code_2_and_no_traceback(run: Run) -> None:
    for argv in (
        ["llm=vllm,openai"],
        ["recipe=nine"],
        ["llm.model=[1"],
        ["--cfg", "nonsense"],
        ["--config-dir", "/no"],
    ):
        code, out, err = run(*argv)
        assert (code, out) == (2, "")
        assert err
        assert "Traceback" not in err


def test_a_missing_package_is_named_with_its_remedy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_parakeet.py").write_text(
        "from collections.abc import Iterator\nfrom dataclasses import dataclass\n"
        "from s2s.messages import Speech, Transcript\nfrom s2s.stage import Call, Stage\n"
        "@dataclass(kw_only=True)\nclass ParakeetTdt(Stage):\n    needs = ('nemo',)\n    extra = 'nemo'\n"
        "    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:\n        yield from ()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "conf/stt").mkdir(parents=True)
    (tmp_path / "conf/stt/parakeet.yaml").write_text("_target_: mine_parakeet.ParakeetTdt\n")
    text = "stt: ParakeetTdt needs the package 'nemo': pip install 's2s[nemo]'"
    assert run("--config-dir", "conf", "stt=parakeet") == (2, "", f"{text}\n")
    code, out, _ = run("--config-dir", "conf", "stt=parakeet", "mode=show")
    assert code == 0
    assert f"missing:\n  {text}" in out


def test_an_interpreter_that_is_not_there_is_said_before_anything_loads(run: Run) -> None:
    words = ("stt.place.kind=process", "stt.place.python=nemo/bin/python")
    remedy = "make one there with 's2s[embedded]', or set stt.place.python=/path/to/python"
    assert run(*words) == (2, "", f"stt: no interpreter nemo/bin/python: {remedy}\n")


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    (tmp_path / "office.yaml").write_text(
        "# An office.\ndefaults:\n  - override /llm: vllm\n  - /text@translate: translator\n"
        "sessions: 7\nllm: {model: ours}\ntranslate: {to: fr}\n"
    )
    (tmp_path / "late.yaml").write_text("sessions: 9\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/late.yaml").write_text("sessions: 13\n")
    (tmp_path / "site/1 büro (neu).yaml").write_text("sessions: 14\n")
    (tmp_path / "site/recipe").mkdir(parents=True)
    (tmp_path / "site/recipes").mkdir()
    (tmp_path / "site/recipe/one.yaml").write_text("sessions: 11\n")
    (tmp_path / "site/recipes/many.yaml").write_text("sessions: 12\n")
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "sessions", "llm"),
    [
        ([], 64, None),
        (["site/late.yaml", "late.yaml"], 9, None),
        (["site/1 büro (neu).yaml"], 14, None),
        (["late.yaml", "site/late.yaml"], 13, None),
        (["./office.yaml"], 7, "ours"),
        (["office.yaml", "llm.model=theirs", "late.yaml"], 9, "theirs"),
        (["late.yaml", "recipe=office.yaml"], 7, "ours"),
        (["recipe=[captions,late.yaml]"], 9, None),
        (["recipe=cpu", "sessions=3"], 3, None),
        (["--config-dir", "site", "recipe=one"], 11, None),
        (["--config-dir=site", "recipe=many"], 12, None),
        (["recipe=[one,many]", "--config-dir", "site", "late.yaml"], 9, None),
    ],
)
def test_recipes_go_by_name_and_by_path_in_their_order(
    run: Run, recipes: Path, argv: list[str], sessions: int, llm: str | None
) -> None:
    code, out, err = run("--cfg", "job", *argv)
    assert (code, err) == (0, "")
    assert f"\nsessions: {sessions}\n" in f"\n{out}"
    assert llm is None or f"  model: {llm}\n" in out


def test_what_a_recipe_says_wins_over_what_it_brings_in(run: Run, recipes: Path) -> None:
    _, out, _ = run("--cfg", "job", "-p", "translate", "office.yaml")
    assert "\nto: fr\n" in out


def test_recipes_can_be_swept(run: Run, recipes: Path) -> None:
    code, out, _ = run("-m", "recipe=captions,text", "late.yaml", "mode=show", "mode.show.format=mermaid")
    assert code == 0
    assert out.count("graph LR") == 2
    assert out.count("s_llm[") == 1


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "\tx: 1"])
def test_a_recipe_that_is_none_is_named(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    code, out, err = run("bad.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("bad.yaml: ")
    assert len(err.splitlines()) == 1


def test_modes_go_alone_or_as_a_list(run: Run) -> None:
    assert "realtime" not in run("--cfg", "job", "-p", "mode", "mode=show")[1]
    both = run("--cfg", "job", "-p", "mode", "mode=[realtime,show]")[1]
    assert both.index("\nrealtime:") < both.index("\nshow:")


@pytest.mark.parametrize(
    ("word", "option"),
    [
        ("stt=Faster_Whisper", "FasterWhisper"),
        ("stt=OpenAI", "OpenAITranscription"),
        ("stt=fasterwhisper", "FasterWhisper"),
        ("graph=two_voices", "two-voices"),
    ],
)
def test_an_option_is_known_by_its_letters(run: Run, word: str, option: str) -> None:
    code, out, err = run("--cfg", "hydra" if word.startswith("graph") else "job", word)
    assert (code, err) == (0, "")
    assert option in out


def test_secrets_print_as_stars(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_SECRET", "from-the-environment")
    words = [
        "++llm.api_key=in-the-clear",
        "++llm.deep={token: ${oc.env:S2S_SECRET}, password: null}",
        "++llm.key_env=A",
    ]
    for argv in (["--cfg", "job"], ["--cfg", "job", "--resolve", "-p", "llm"], ["--info", "config"]):
        code, out, _ = run(*argv, *words)
        assert code == 0
        assert "in-the-clear" not in out
        assert "from-the-environment" not in out
        assert "api_key: '***'" in out
        assert "token: '***'" in out
        assert "password: null" in out
        assert "key_env: A" in out


def test_help_fits_a_screen_and_lists_what_there_is(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert len(out.strip().splitlines()) <= 30
    assert "\nrecipe: " in out
    for part in ("captions", "chat-completions", "piper", "silero", "--config-dir", "mode=show"):
        assert part in out


def test_words_after_two_dashes_are_kept_from_hydra(run: Run) -> None:
    assert run("mode=show", "mode.show.format=mermaid", "--", "--port", "a=b=c")[0] == 0
    assert cli.rest == ["--port", "a=b=c"]


def test_it_leaves_no_files_behind(run: Run, tmp_path: Path) -> None:
    run("mode=show")
    run("llm.modle=x")
    assert list(tmp_path.iterdir()) == []


def test_the_version(run: Run) -> None:
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith("s2s")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("s2s-run recipe=", "recipe=captions"),
        ("s2s-run recipe=inter", "recipe=interpreter"),
        ("s2s-run graph=te", "graph=text"),
        ("s2s-run ./office.yaml late.yaml llm=vl", "llm=vllm"),
        ("s2s-run mode=show mode.show.f", "mode.show.format="),
        ("s2s-run --config-dir site recipe=ma", "recipe=many"),
        ("s2s-run --config-dir site recipe=on", "recipe=one"),
    ],
)
def test_a_shell_completes_it(run: Run, recipes: Path, monkeypatch: pytest.MonkeyPatch, line: str, found: str) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    code, out, err = run("-sc", "query=bash")
    assert (code, err) == (0, "")
    assert found in out.split()


def test_completion_can_be_installed(run: Run) -> None:
    code, out, _ = run("--shell-completion", "install=bash")
    assert code == 0
    assert "hydra_bash_completion s2s-run" in out


def test_python_m_s2s_is_s2s_run_and_tells_a_mistake_alike(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "s2s", "llm.modle=x"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("llm.modle: LlamaCpp has no such option")


def test_a_launcher_whose_package_is_missing_says_what_installs_it() -> None:
    error = RuntimeError("Unknown plugin class : 'hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher'")
    assert objection(error).endswith("needs the package 'hydra_joblib_launcher': pip install 's2s[bench]'")
