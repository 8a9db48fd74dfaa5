"""Which MMS voice speaks a language: they go by ISO 639-3, some with a script; there are some 1,100."""

from __future__ import annotations

import re

_TWO_LETTERS = (
    "ak:aka am:amh ar:ara as:asm av:ava ay:ayr az:azj-script_latin ba:bak bg:bul bi:bis bm:bam bn:ben bo:bod ca:cat"
    " ce:che cv:chv cy:cym de:deu dv:div dz:dzo ee:ewe el:ell en:eng es:spa eu:eus fa:fas ff:ful fi:fin fj:fij fo:fao"
    " fr:fra gn:grn gu:guj ha:hau he:heb hi:hin ht:hat hu:hun hy:hyw id:ind is:isl jv:jav ki:kik kk:kaz km:khm kn:kan"
    " ko:kor ku:kmr-script_latin ky:kir la:lat lg:lug lo:lao lv:lav mg:mlg mh:mah ml:mal mn:mon mr:mar ms:zlm my:mya"
    " nl:nld ny:nya om:orm or:ory os:oss pa:pan pl:pol pt:por rn:run ro:ron ru:rus rw:kin sg:sag sm:smo sn:sna so:som"
    " sq:sqi su:sun sv:swe sw:swh ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk-script_latin tl:tgl tr:tur ts:tso tt:tat"
    " ug:uig-script_arabic uk:ukr ur:urd-script_arabic uz:uzb-script_cyrillic vi:vie yo:yor"
)
CODES = dict(pair.split(":") for pair in _TWO_LETTERS.split())
"""Languages of two letters that MMS has a voice for. It has none for Mandarin, Japanese, Italian or Czech."""


def mms_code(language: str) -> str:
    """Return MMS's name of a language given in BCP-47, or as MMS names it; raise ValueError where it has no voice."""
    code = language.strip().lower()
    if re.fullmatch(r"[a-z]{3}(-(script|dialect)_\w+)?", code):
        return code
    primary = code.replace("_", "-").partition("-")[0]
    if primary in CODES:
        return CODES[primary]
    if re.fullmatch(r"[a-z]{3}", primary):
        return primary
    raise ValueError(f"language: MMS has no voice for {language!r}; give one such as en, de, fr, or its own code: nan")
