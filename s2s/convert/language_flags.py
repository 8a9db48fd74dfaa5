"""The flags of speech-to-speech 0.2.11 for the language model and the conversation."""

from __future__ import annotations

from s2s.convert import values
from s2s.convert.flag import Flag

_LOCAL = "llm_backend=transformers,mlx-lm"
_REMOTE = "llm_backend=responses-api,chat-completions"
_TRANSFORMERS = "llm_backend=transformers"

LANGUAGE = (
    Flag("model_name", "gpt-5.4-mini", ("llm.model",),
         of="llm_backend=responses-api,chat-completions,transformers,mlx-lm", to=values.language_model,
         why="llm=openai has the default of both; null asks the server"),
    Flag("init_chat_prompt", None, ("chat.prompt",), why="a session's own instructions go before it"),
    Flag("chat_size", 30, ("chat.chat_size",), kind=int,
         why="the embedded model sees the last turn only, by llm.history_tokens"),
    Flag("enable_lang_prompt", False, ("chat.enable_lang_prompt",), kind=bool),
    Flag("stream_batch_sentences", 3, kind=int,
         why="each clause goes to the voice when it is whole; clauses.first_words and grow_to set their length"),
    Flag("compact_history", True, kind=bool, why="a long conversation is cut to chat.chat_size turns, not summed up"),
    Flag("user_role", "user", why="a name in the warm-up there; roles are the protocol's here"),
    Flag("init_chat_role", "system", why="nothing there reads it"),
    Flag("responses_api_base_url", None, ("llm.base_url",), of=_REMOTE,
         why="or a server's own preset: llm=vllm, hf, openrouter, deepseek, ollama, llamacpp-server"),
    Flag("responses_api_api_key", None, ("llm.api_key_env",), of=_REMOTE, to=values.key,
         why="the name of the environment's variable that holds it; a key is never written down"),
    Flag("responses_api_stream", True, of=_REMOTE, kind=bool, why="always streamed: a caller would wait in silence"),
    Flag("responses_api_disable_thinking", True, ("llm.extra_body",), of=_REMOTE, kind=bool, to=values.thinking,
         why="chat_template_kwargs: {enable_thinking: false}, for servers other than OpenAI's"),
    Flag("responses_api_reasoning_effort", None, ("llm.extra_body",), of="llm_backend=chat-completions",
         to=values.thinking, why="reasoning_effort, for servers other than OpenAI's"),
    Flag("llm_device", "cuda", ("llm.device",), of=_TRANSFORMERS),
    Flag("llm_torch_dtype", "float16", ("llm.dtype",), of=_TRANSFORMERS, to=values.dtype),
    Flag("llm_gen_max_new_tokens", 1024, ("llm.max_tokens",), of=_LOCAL, kind=int),
    Flag("llm_gen_min_new_tokens", 0, of=_LOCAL, kind=int, why="an answer may be as short as the model likes"),
    Flag("llm_gen_temperature", 0.0, ("llm.temperature",), of=_LOCAL, kind=float),
    Flag("llm_gen_do_sample", False, of=_LOCAL, kind=bool, why="llm.temperature=0 takes the likeliest word"),
    Flag("llm_is_vlm", False, ("llm.images",), of=_TRANSFORMERS, kind=bool),
)  # fmt: skip
