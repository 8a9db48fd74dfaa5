"""The flags of speech-to-speech 0.2.11 for the process, its transports, and the detection of speech and turns."""

from __future__ import annotations

from s2s.convert import values
from s2s.convert.flag import Flag
from s2s.convert.options import LLM, MODES, STT, TTS

PROCESS = (
    Flag("mode", "realtime", ("mode",), choices=tuple(MODES), to=values.choice),
    Flag("stt", "parakeet-tdt", ("stt",), choices=tuple(STT), to=values.choice),
    Flag("llm_backend", "responses-api", ("llm",), choices=tuple(LLM), to=values.choice),
    Flag("tts", "qwen3", ("tts",), choices=tuple(TTS), to=values.choice),
    Flag("device", None, ("device",), to=values.device),
    Flag("local_mac_optimal_settings", False, ("mode", "device", "stt", "llm", "tts"), kind=bool, to=values.mac,
         why="--mode local --device mps --stt parakeet-tdt --llm_backend mlx-lm --tts qwen3; others beside it win"),
    Flag("num_pipelines", 1, ("sessions",), kind=int,
         why="64 by default, since callers share the models"),
    Flag("log_level", "info", ("log",), to=values.log),
    Flag("enable_live_transcription", True, ("mode.realtime.transcribe",), of="mode=realtime", kind=bool),
    Flag("live_transcription_update_interval", 0.5, ("stt.partial_ms",), kind=float, to=values.milliseconds,
         why="seconds there, milliseconds here"),
    Flag("live_transcription_min_silence_ms", 500, why="nothing there reads it", kind=int),
)  # fmt: skip

TRANSPORT = (
    Flag("recv_host", "localhost", ("mode.socket.recv_host",), of="mode=socket", to=values.host),
    Flag("recv_port", 12345, ("mode.socket.recv_port",), of="mode=socket", kind=int),
    Flag("send_host", "localhost", ("mode.socket.send_host",), of="mode=socket", to=values.host),
    Flag("send_port", 12346, ("mode.socket.send_port",), of="mode=socket", kind=int),
    Flag("chunk_size", 1024, ("mode.socket.chunk_size",), of="mode=socket", kind=int),
    Flag("ws_host", "0.0.0.0", ("mode.{mode}.host",), of="mode=realtime,websocket", to=values.host,
         why="127.0.0.1 by default"),
    Flag("ws_port", 8765, ("mode.{mode}.port",), of="mode=realtime,websocket", kind=int),
)  # fmt: skip

TURNS = (
    Flag("thresh", 0.6, ("turn.threshold",), kind=float, why="0.5 by default; speech ends 0.15 lower in both"),
    Flag("min_silence_ms", 64, ("turn", "turn.soft_ms", "turn.silence_ms"), kind=int, to=values.silence,
         why="chooses turn=silence; leave it out for turn=fused, which weighs the words too"),
    Flag("speculative_reopen_ms", 1000, ("turn", "turn.soft_ms", "turn.silence_ms"), of="mode=realtime", kind=int,
         to=values.silence,
         why="an answer is begun after min_silence_ms and heard so much later: turn.silence_ms is the sum"),
    Flag("min_speech_ms", 384, ("turn.min_speech_ms",), kind=int,
         why="64 by default, so that a caller who interrupts is heard sooner"),
    Flag("speech_pad_ms", 500, ("turn.prefix_ms",), kind=int, why="300 by default"),
    Flag("max_speech_ms", float("inf"), ("turn.max_speech_s",), kind=float, to=values.longest,
         why="seconds here; what is longer is thrown away there, and goes on as another turn here"),
    Flag("sample_rate", 16000, kind=int, why="sound of any rate is resampled for each stage"),
    Flag("min_speech_continuation_ms", 192, kind=int,
         why="any speech takes up a turn that has only paused"),
    Flag("unanswered_reopen_ms", 7000, kind=int,
         why="a turn that is over stays over; what follows it is judged by its words too"),
    Flag("short_segment_merge_ms", 0, kind=int, why="turn.min_speech_ms is short enough to need no merging"),
    Flag("audio_enhancement", False, kind=bool, why="no noise suppression here"),
    Flag("enable_realtime_transcription", False, kind=bool,
         why="overwritten there by --enable_live_transcription; mode.realtime.transcribe here"),
    Flag("realtime_processing_pause", 0.5, kind=float,
         why="overwritten there by --live_transcription_update_interval; stt.partial_ms here"),
)  # fmt: skip
