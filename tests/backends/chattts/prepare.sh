# torchaudio's wheel is built for CUDA, and is not loaded by a torch for CPUs; what is used of it does without that library
rm -f "$1"/lib/python*/site-packages/torchaudio/lib/_torchaudio*.so
