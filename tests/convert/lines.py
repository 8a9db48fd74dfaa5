"""Command lines that the documents of speech-to-speech 0.2.11 give, or that follow from their tables."""

from __future__ import annotations

DOCUMENTED = [
    "speech-to-speech",
    "speech-to-speech --mode socket --recv_host 0.0.0.0",
    "speech-to-speech --mode socket --recv_host localhost",
    "speech-to-speech --mode socket --recv_host 0.0.0.0 --recv_port 12345",
    "speech-to-speech --mode socket --chunk_size 2048",
    "speech-to-speech --mode socket \\\n    --recv_host 0.0.0.0 \\\n    --send_host 0.0.0.0",
    "speech-to-speech --mode socket --send_port 12346",
    "speech-to-speech --mode websocket --ws_host 0.0.0.0",
    "speech-to-speech --mode websocket --ws_port 8765",
    """speech-to-speech \\
    --mode socket \\
    --recv_host 0.0.0.0 \\
    --send_host 0.0.0.0 \\
    --recv_port 12345 \\
    --send_port 12346""",
    """# Server
speech-to-speech \\
    --mode socket \\
    --recv_host 0.0.0.0 \\
    --send_host 0.0.0.0 \\
    --llm_backend responses-api \\
    --model_name gpt-4o-mini \\
    --responses_api_api_key "$OPENAI_API_KEY" \\
    --responses_api_stream
""",
]
"""Whole lines."""

NAMED = [
    "speech-to-speech --mode realtime",
    "speech-to-speech --mode local",
    "speech-to-speech --mode socket",
    "speech-to-speech --mode websocket",
    "speech-to-speech --local_mac_optimal_settings",
    "speech-to-speech --num_pipelines 4",
    "speech-to-speech --ws_host 0.0.0.0",
    "speech-to-speech --ws_port 8765",
    "speech-to-speech --enable_live_transcription",
    "speech-to-speech --thresh 0.6 --min_speech_ms 384 --min_silence_ms 64",
    *(f"speech-to-speech --stt {name}" for name in (
        "parakeet-tdt", "whisper", "whisper-mlx", "mlx-audio-whisper", "faster-whisper", "paraformer")),
    *(f"speech-to-speech --llm_backend {name}" for name in (
        "responses-api", "chat-completions", "transformers", "mlx-lm")),
    *(f"speech-to-speech --tts {name}" for name in ("qwen3", "pocket", "kokoro", "chatTTS", "facebookMMS")),
]  # fmt: skip
"""Flags and choices that are named without a line."""

IN_USE = [
    "python s2s_pipeline.py --mode websocket --language auto",
    "python3 -m speech_to_speech.s2s_pipeline --mode=realtime --ws-port=9000",
    "CUDA_VISIBLE_DEVICES=1 HF_TOKEN=hf_abc uv run speech-to-speech --device cuda:1 --no_enable_live_transcription",
    "docker run --rm --gpus all -p 8765:8765 -e OPENAI_API_KEY=sk-1 ghcr.io/x/speech-to-speech:0.2 --ws_host 0.0.0.0",
    "docker run --name talker -p 8765:8765 image speech-to-speech --llm_backend chat-completions",
    "$ speech-to-speech --responses_api_base_url http://127.0.0.1:8000/v1 --model_name Qwen/Qwen3-4B-Instruct-2507",
    "speech-to-speech --llm_backend chat-completions --responses_api_base_url https://router.huggingface.co/v1 "
    "--model_name zai-org/GLM-4.6 --responses_api_api_key $HF_TOKEN --responses_api_reasoning_effort none",
    "speech-to-speech --stt faster-whisper --faster_whisper_stt_model_name large-v3 --faster_whisper_stt_device cuda "
    "--faster_whisper_stt_compute_type float16 --faster_whisper_stt_gen_language zh --language zh",
    "speech-to-speech --init_chat_prompt 'You are \"Ada\", a pirate: say ${aye}, mate! ü 👋' --chat_size 10 && echo",
    "speech-to-speech --min_silence_ms 300 --speculative_reopen_ms 400 --log_level warn --max_speech_ms 20000",
]
"""Lines as people keep them."""
