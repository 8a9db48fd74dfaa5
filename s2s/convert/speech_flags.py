"""The flags of speech-to-speech 0.2.11 for speech recognition."""

from __future__ import annotations

from s2s.convert import speech_values, values
from s2s.convert.flag import Flag

_WHISPER, _TORCH = "stt=whisper,whisper-mlx", "stt=whisper"
_FASTER = "stt=faster-whisper"
_PARAKEET = "stt=parakeet-tdt"
_STOPS = "as many words as its sound is long for"
_TIMES = "no stage uses times of words"

SPEECH = (
    Flag("language", "en", ("mode.{mode}.language",), to=values.language,
         why="auto is null; the default recogniser knows English only"),
    Flag("stt_model_name", "distil-whisper/distil-large-v3", ("stt.model",), of=_WHISPER, to=values.hub),
    Flag("stt_device", "cuda", ("stt.device",), of=_WHISPER),
    Flag("stt_torch_dtype", "float16", ("stt.dtype",), of=_WHISPER, to=values.dtype),
    Flag("stt_compile_mode", None, ("stt.compile",), of=_TORCH, to=speech_values.compile_mode),
    Flag("stt_gen_max_new_tokens", 128, ("stt.max_tokens",), of=_TORCH, kind=int),
    Flag("stt_gen_num_beams", 1, ("stt.beam",), of=_TORCH, kind=int),
    Flag("stt_gen_return_timestamps", False, of=_WHISPER, kind=bool, why=_TIMES),
    Flag("stt_gen_task", "transcribe", of=_WHISPER, to=values.task, why="recipe=interpreter translates"),
    Flag("mlx_audio_whisper_model_name", "mlx-community/whisper-large-v3-turbo", ("stt.model",),
         of="stt=mlx-audio-whisper", to=values.hub),
    Flag("mlx_audio_whisper_gen_kwargs", None, of="stt=mlx-audio-whisper", kind=dict,
         why="options of the model's own, which differ from one to the next"),
    Flag("faster_whisper_stt_model_name", "tiny.en", ("stt.model",), of=_FASTER, to=values.whisper,
         why="sizes such as small become hf:Systran/faster-whisper-small/; tiny.en is the default of both"),
    Flag("faster_whisper_stt_device", "auto", ("stt.device",), of=_FASTER),
    Flag("faster_whisper_stt_compute_type", "auto", ("stt.compute_type",), of=_FASTER, to=values.compute_type,
         why="auto is default; int8 by default"),
    Flag("faster_whisper_stt_gen_max_new_tokens", 128, of=_FASTER, kind=int, why=_STOPS),
    Flag("faster_whisper_stt_gen_beam_size", 1, ("stt.beam",), of=_FASTER, kind=int),
    Flag("faster_whisper_stt_gen_return_timestamps", False, of=_FASTER, kind=bool, why=_TIMES),
    Flag("faster_whisper_stt_gen_task", "transcribe", of=_FASTER, to=values.task, why="recipe=interpreter translates"),
    Flag("faster_whisper_stt_gen_language", "en", ("stt.language",), of=_FASTER, to=values.language,
         why="auto is null"),
    Flag("parakeet_tdt_model_name", None, ("stt.model",), of=_PARAKEET, to=values.hub),
    Flag("parakeet_tdt_device", "auto", ("stt.device",), of=_PARAKEET),
    Flag("parakeet_tdt_language", None, of=_PARAKEET, why="the model guesses, there too"),
    Flag("parakeet_tdt_compute_type", "float16", of=_PARAKEET, why="no effect there"),
    Flag("paraformer_stt_model_name", "paraformer-zh", ("stt.model",), of="stt=paraformer",
         to=speech_values.paraformer),
    Flag("paraformer_stt_device", "cuda", ("stt.device",), of="stt=paraformer"),
)  # fmt: skip
