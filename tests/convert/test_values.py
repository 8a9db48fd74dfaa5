"""What the values of flags become: keys of ours, places of weights, requests to servers, and names of variables."""

from __future__ import annotations

from typing import Any

import pytest

from s2s.convert.parse import parse
from s2s.convert.recipe import made, text
from tests.convert.test_convert import convert


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--thresh=0.6 --min_speech_ms 384", {"turn.threshold": 0.6, "turn.min_speech_ms": 384}),
        ("--speech-pad-ms 200", {"turn.prefix_ms": 200}),
        ("--min_silence_ms 300", {"turn.soft_ms": 300, "turn.silence_ms": 1300}),
        ("--speculative_reopen_ms 400", {"turn.soft_ms": 64, "turn.silence_ms": 464}),
        ("--mode socket --min_silence_ms 300", {"turn.silence_ms": 300}),
        ("--max_speech_ms 20000", {"turn.max_speech_s": 20.0}),
        ("--max_speech_ms inf", {}),
        ("--enable_live_transcription", {"mode.realtime.transcribe": True}),
        ("--enable_live_transcription no", {"mode.realtime.transcribe": False}),
        ("--no_enable_live_transcription", {"mode.realtime.transcribe": False}),
        ("--no-enable-live-transcription", {"mode.realtime.transcribe": False}),
        ("--stt faster-whisper --live_transcription_update_interval 0.25", {"stt.partial_ms": 250}),
        ("--ws_host localhost --ws_port 9000", {"mode.realtime.host": "127.0.0.1", "mode.realtime.port": 9000}),
        ("--mode websocket --ws_port 9000", {"mode.websocket.port": 9000}),
        ("--mode socket --ws_port 9000", {}),
        ("--num_pipelines 4 --log_level critical", {"sessions": 4, "log": "error"}),
        ("--language fr", {"mode.realtime.language": "fr"}),
        ("--language auto", {"mode.realtime.language": None}),
        ("--chat_size 10 --chat_size 5", {"chat.chat_size": 5}),
        ("--init_chat_prompt 'Be brief. Say --mode.'", {"chat.prompt": "Be brief. Say --mode."}),
    ],
)
def test_values_are_ours(line: str, values: dict[str, Any]) -> None:
    assert convert(f"speech-to-speech {line}").values == values


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("small", "hf:Systran/faster-whisper-small/"),
        ("large", "hf:Systran/faster-whisper-large-v3/"),
        ("base.en", "hf:Systran/faster-whisper-base.en/"),
        ("distil-large-v3", "hf:Systran/faster-distil-whisper-large-v3/"),
        ("turbo", "hf:mobiuslabsgmbh/faster-whisper-large-v3-turbo/"),
        ("deepdml/faster-whisper-x", "hf:deepdml/faster-whisper-x/"),
        ("./models/mine", "./models/mine"),
        ("/models/mine", "/models/mine"),
        ("tiny.en", None),
    ],
)
def test_sizes_of_whisper_are_places_of_weights(name: str, model: str | None) -> None:
    values = convert(f"--stt faster-whisper --faster_whisper_stt_model_name {name}").values
    assert values.get("stt.model") == model


LOCAL = "--responses_api_base_url http://127.0.0.1:8000/v1 --model_name m"
OFF = {"llm.extra_body.chat_template_kwargs.enable_thinking": False}


@pytest.mark.parametrize(
    ("line", "option", "added"),
    [
        ("", "openai", {}),
        ("--llm_backend responses-api", "openai", {}),
        ("--model_name m", "responses-api", {}),
        ("--llm_backend chat-completions --model_name m", "chat-completions", {}),
        (LOCAL, "responses-api", OFF),
        (f"{LOCAL} --responses_api_disable_thinking", "responses-api", OFF),
        (f"{LOCAL} --no_responses_api_disable_thinking", "responses-api", {}),
        (f"{LOCAL} --llm_backend chat-completions --responses_api_reasoning_effort none", "chat-completions",
         {"llm.extra_body.reasoning_effort": "none"}),
        (f"{LOCAL} --responses_api_reasoning_effort none", "responses-api", OFF),
    ],
)  # fmt: skip
def test_a_model_behind_a_server_is_asked_as_there(line: str, option: str, added: dict[str, Any]) -> None:
    recipe = convert(f"speech-to-speech {line}")
    assert recipe.choices["llm"] == option
    assert {key: value for key, value in recipe.values.items() if "extra_body" in key} == added
    assert ("llm.model" in recipe.values) == (option != "openai")


@pytest.mark.parametrize(
    ("key", "url", "env"),
    [
        ("$MY_KEY", "https://x.example/v1", "MY_KEY"),
        ("${MY_TOKEN}", "https://x.example/v1", "MY_TOKEN"),
        ("sk-held", "https://x.example/v1", "SOME_KEY"),
        ("sk-other", "https://router.huggingface.co/v1", "HF_TOKEN"),
        ("sk-other", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        ("sk-other", "https://x.example/v1", "OPENAI_API_KEY"),
        ("EMPTY", "http://127.0.0.1:8000/v1", None),
    ],
)
def test_a_key_becomes_the_name_of_a_variable_and_is_printed_nowhere(
    key: str, url: str, env: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-held")
    read = parse(["--responses_api_base_url", url, f"--responses_api_api_key={key}"])
    assert made(read).values["llm.api_key_env"] == env
    assert key not in text(read).replace("MY_", "")
    assert "--responses_api_api_key '***'" in text(read)


HUB = "hf:onnx-community/Kokoro-82M-v1.0-ONNX"
GGUF = "hf:Serveurperso/Qwen3-TTS-GGUF/qwen-talker"
EVERY_VOICE = {"tts.model": f"{HUB}/onnx/model.onnx", "tts.voices": f"{HUB}/voices/"}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--tts kokoro --kokoro_voice jm_kumo --kokoro_lang_code a", {"tts.voice": "jm_kumo", "tts.language": "a"}),
        ("--tts kokoro --kokoro_voice bm_fable", {**EVERY_VOICE, "tts.voice": "bm_fable"}),
        ("--tts kokoro --kokoro_model_name hexgrad/Kokoro-82M", EVERY_VOICE),
        ("--tts kokoro --kokoro_model_name mine.pth", {}),
        ("--tts pocket --pocket_tts_voice mary", {"tts.voice": "mary"}),
        ("--tts pocket --pocket_tts_voice ./me.wav", {"tts.ref_audio": "./me.wav"}),
        ("--tts pocket --pocket_tts_voice hf://a/b/c/d.wav@e0", {"tts.ref_audio": "hf:a/b@e0/c/d.wav"}),
        ("--tts pocket --pocket_tts_voice hf://a/b/d.wav", {"tts.ref_audio": "hf:a/b/d.wav"}),
        ("--tts pocket --pocket_tts_voice https://a.example/b.wav", {}),
        ("--tts facebookMMS --facebook_mms_model_name facebook/mms-tts-deu", {"tts.model": "hf:facebook/mms-tts-deu"}),
        ("--tts facebookMMS --facebook_mms_model_name ./mine --tts_language de",
         {"tts.model": "./mine", "tts.language": "de"}),
        ("--tts qwen3 --qwen3_tts_model_name Qwen/Qwen3-TTS-12Hz-0.6B-Base --qwen3_tts_backend torch",
         {"tts.model": "hf:Qwen/Qwen3-TTS-12Hz-0.6B-Base", "tts.talker": f"{GGUF}-0.6b-base-BF16.gguf",
          "tts.backend": "torch"}),
        ("--tts qwen3 --qwen3_tts_model_name ./mine", {"tts.model": "./mine", "tts.backend": "torch"}),
        ("--tts qwen3 --qwen3_tts_backend mlx --qwen3_tts_attn_implementation paged", {}),
        ("--tts qwen3 --qwen3_tts_speaker Ryan --qwen3_tts_language en --qwen3_tts_streaming_chunk_size 4",
         {"tts.voice": "Ryan", "tts.language": "en", "tts.chunk_frames": 4}),
        ("--tts chatTTS --chat_tts_device cuda", {"tts.device": "cuda"}),
    ],
)  # fmt: skip
def test_voices_are_where_they_can_be_had(line: str, values: dict[str, Any]) -> None:
    assert convert(f"speech-to-speech {line}").values == values


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("--llm_backend transformers --model_name Qwen/Qwen3-0.6B --llm_torch_dtype torch.bfloat16",
         {"llm.model": "hf:Qwen/Qwen3-0.6B", "llm.dtype": "bfloat16"}),
        ("--llm_backend transformers --model_name ./mine --llm_device cuda:1 --llm_is_vlm true",
         {"llm.model": "./mine", "llm.device": "cuda:1", "llm.images": True}),
        ("--llm_backend transformers --llm_gen_max_new_tokens 99 --llm_gen_temperature 0.5",
         {"llm.max_tokens": 99, "llm.temperature": 0.5}),
        ("--llm_backend chat-completions --model_name Qwen/Qwen3-0.6B", {"llm.model": "Qwen/Qwen3-0.6B"}),
    ],
)  # fmt: skip
def test_a_language_model_is_where_it_can_be_had(line: str, values: dict[str, Any]) -> None:
    found = convert(f"speech-to-speech {line}").values
    assert {key: value for key, value in found.items() if key in values} == values
