# torchaudio's wheel is built for CUDA, and is not loaded by a torch for CPUs; what is used of it does without that library
rm -f "$1"/lib/python*/site-packages/torchaudio/lib/_torchaudio*.so
# its own requirements have another qwen_tts and another transformers; on a CPU it gets no further than its import of either
"$1"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps faster-qwen3-tts==0.5.4
