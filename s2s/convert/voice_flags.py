"""The flags of speech-to-speech 0.2.11 for the voice."""

from __future__ import annotations

from s2s.convert import values, voice_values
from s2s.convert.flag import Flag

_QWEN3, _KOKORO, _POCKET = "tts=qwen3", "tts=kokoro", "tts=pocket"
_CHAT, _MMS = "tts=chatTTS", "tts=facebookMMS"
_BLOCKS = "sound leaves in pieces of the mode's size"
_STREAMS = "a voice that can stream always does"

VOICE = (
    Flag("qwen3_tts_model_name", "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", ("tts.model", "tts.talker"), of=_QWEN3,
         to=voice_values.qwen3_model, why="the second one is for GGML"),
    Flag("qwen3_tts_device", "cuda", ("tts.device",), of=_QWEN3),
    Flag("qwen3_tts_dtype", "auto", ("tts.dtype",), of=_QWEN3, to=values.dtype),
    Flag("qwen3_tts_attn_implementation", "eager", ("tts.attention",), of=_QWEN3, to=voice_values.qwen3_attention),
    Flag("qwen3_tts_backend", "ggml", ("tts.backend",), of=_QWEN3, to=voice_values.qwen3_backend),
    Flag("qwen3_tts_ref_audio", None, ("tts.ref_audio",), of=_QWEN3),
    Flag("qwen3_tts_ref_text", None, ("tts.ref_text",), of=_QWEN3),
    Flag("qwen3_tts_speaker", "Aiden", ("tts.voice",), of=_QWEN3),
    Flag("qwen3_tts_instruct", None, ("tts.instructions",), of=_QWEN3),
    Flag("qwen3_tts_xvec_only", False, ("tts.xvec_only",), of=_QWEN3, kind=bool),
    Flag("qwen3_tts_parity_mode", False, of=_QWEN3, kind=bool, why="a switch against faults of one library there"),
    Flag("qwen3_tts_non_streaming_mode", True, of=_QWEN3, kind=bool,
         why="how the model reads is the package's choice for each kind of model; sound always comes while it is made"),
    Flag("qwen3_tts_mlx_quantization", "6bit", of=_QWEN3, why="for MLX, which is tts=qwen3-mlx here"),
    Flag("qwen3_tts_language", "auto", ("tts.language",), of=_QWEN3),
    Flag("qwen3_tts_streaming_chunk_size", None, ("tts.chunk_frames",), of=_QWEN3, kind=int),
    Flag("qwen3_tts_max_new_tokens", 1536, ("tts.max_tokens",), of=_QWEN3, kind=int),
    Flag("qwen3_tts_blocksize", 512, of=_QWEN3, kind=int, why=_BLOCKS),
    Flag("kokoro_model_name", None, ("tts.model", "tts.voices"), of=_KOKORO, to=voice_values.kokoro_model,
         why="the same model for onnxruntime; int8 by default"),
    Flag("kokoro_device", "auto", ("tts.device",), of=_KOKORO),
    Flag("kokoro_voice", "bm_fable", ("tts.voice",), of=_KOKORO, to=voice_values.kokoro_voice,
         why="jf_alpha by default; one that no package has brings tts.model and tts.voices of the hub along"),
    Flag("kokoro_lang_code", "b", ("tts.language",), of=_KOKORO),
    Flag("kokoro_speed", 1.0, ("tts.speed",), of=_KOKORO, kind=float),
    Flag("kokoro_blocksize", 512, of=_KOKORO, kind=int, why=_BLOCKS),
    Flag("pocket_tts_device", "cpu", ("tts.device",), of=_POCKET),
    Flag("pocket_tts_voice", "jean", ("tts.voice", "tts.ref_audio"), of=_POCKET, to=voice_values.pocket_voice,
         why="a recording becomes ref_audio"),
    Flag("pocket_tts_sample_rate", 16000, of=_POCKET, kind=int,
         why="a voice keeps its own rate, and is resampled for the caller once"),
    Flag("pocket_tts_blocksize", 512, of=_POCKET, kind=int, why=_BLOCKS),
    Flag("pocket_tts_max_tokens", 50, ("tts.max_tokens",), of=_POCKET, kind=int),
    Flag("chat_tts_stream", True, of=_CHAT, kind=bool, why=_STREAMS),
    Flag("chat_tts_device", "cuda", ("tts.device",), of=_CHAT),
    Flag("chat_tts_chunk_size", 512, of=_CHAT, kind=int, why=_BLOCKS),
    Flag("facebook_mms_model_name", "facebook/mms-tts-eng", ("tts.model",), of=_MMS, to=values.hub),
    Flag("tts_language", "en", ("tts.language",), of=_MMS),
    Flag("facebook_mms_device", "cuda", ("tts.device",), of=_MMS),
    Flag("facebook_mms_torch_dtype", "float32", ("tts.dtype",), of=_MMS, to=values.dtype),
)  # fmt: skip
