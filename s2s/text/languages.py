"""English names of languages, for prompts."""

from __future__ import annotations

_CODES = (
    "af:Afrikaans ar:Arabic az:Azerbaijani be:Belarusian bg:Bulgarian bn:Bengali bs:Bosnian ca:Catalan cs:Czech"
    " cy:Welsh da:Danish de:German el:Greek en:English es:Spanish et:Estonian eu:Basque fa:Persian fi:Finnish"
    " fr:French ga:Irish gl:Galician gu:Gujarati he:Hebrew hi:Hindi hr:Croatian hu:Hungarian hy:Armenian"
    " id:Indonesian is:Icelandic it:Italian ja:Japanese ka:Georgian kk:Kazakh kn:Kannada ko:Korean lt:Lithuanian"
    " lv:Latvian mk:Macedonian ml:Malayalam mr:Marathi ms:Malay mt:Maltese ne:Nepali nl:Dutch no:Norwegian"
    " pa:Punjabi pl:Polish pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian sq:Albanian sr:Serbian"
    " sv:Swedish sw:Swahili ta:Tamil te:Telugu th:Thai tl:Tagalog tr:Turkish uk:Ukrainian ur:Urdu uz:Uzbek"
    " vi:Vietnamese yue:Cantonese zh:Chinese zu:Zulu"
)
NAMES = dict(pair.split(":") for pair in _CODES.split())
"""Names by their ISO 639 codes, for the languages that speech recognisers report."""


def name_of(language: str) -> str:
    """Return the English name of a language given as a code (`fr`, `fr-CA`); anything else is returned as it is."""
    return NAMES.get(language.replace("_", "-").split("-")[0].lower(), language)
