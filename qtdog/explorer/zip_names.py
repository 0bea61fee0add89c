"""The names in a zip archive, which often does not say in what encoding they are.

A zip has one flag: UTF-8 or not. Programs that do not set it write in the code page of the machine
that they run on. A list of those that are common, tried in order on all names of the archive
together, serves short names better than a detector of languages, which wants whole sentences.
"""

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence

_UTF8_FLAG = 0x800
_DEFAULT = "cp437"  # what the format says, and zipfile assumes
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field: version 1, the name's checksum, the name in UTF-8
# Two bytes a letter -> the first bytes of letters that are common: Japanese, simplified Chinese,
# Korean, traditional Chinese.
_EAST_ASIAN = {
    "cp932": range(0x81, 0x98),
    "gb2312": range(0xB0, 0xD8),
    "cp949": range(0xB0, 0xC9),
    "big5": range(0xA4, 0xC7),
}
_MANY_LETTERS = 6
_LATIN = ("cp437", "cp1252", "cp850")
_CYRILLIC = ("cp866", "cp1251")
_EAST_ASIAN_RUN = re.compile(r"[\u3005\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_SINGLE_IN_LATIN = re.compile(
    r"[A-Za-z][^\x00-\x7f](?![^\x00-\x7f])|(?<![^\x00-\x7f])[^\x00-\x7f][A-Za-z]"
)
_CAPITAL_IN_WORD = re.compile(r"[\u0430-\u045f][\u0410-\u042f]")
_GREEK = "ΓΘΣΦΩαδεπστφ"  # cp437 has it for formulas; in cp1252 these bytes are accented letters


def names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The entries' names as they were meant, in order; may hold backslashes as separators."""
    stated = [_stated(entry) for entry in entries]
    unsure = [_raw(entry) for entry, name in zip(entries, stated, strict=True) if name is None]
    encoding = _encoding([raw for raw in unsure if not raw.isascii()])
    decoded = (raw.decode(encoding) for raw in unsure)
    return [next(decoded) if name is None else name for name in stated]


def _stated(entry: zipfile.ZipInfo) -> str | None:
    """The name where the archive says how to read it."""
    if entry.flag_bits & _UTF8_FLAG:
        return entry.orig_filename
    extra, place = entry.extra, 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        body = extra[place + 4 : place + 4 + length]
        # With a checksum of another name, a program that does not know the field has renamed it.
        if kind == _UNICODE_PATH and body[:5] == b"\1" + _checksum(_raw(entry)):
            try:
                return body[5:].decode()
            except UnicodeDecodeError:
                return None
        place += 4 + length
    return None


def _checksum(name: bytes) -> bytes:
    return zlib.crc32(name).to_bytes(4, "little")


def _raw(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode(_DEFAULT)


def _encoding(raw: Sequence[bytes]) -> str:
    """The first of the usual encodings in which each of these names reads like one."""
    for encoding in ("utf-8", *_EAST_ASIAN, *_LATIN, *_CYRILLIC, "gb18030"):
        try:
            decoded = [name.decode(encoding) for name in raw]
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return encoding
        if encoding in _LATIN:
            likely = all(map(_is_latin, decoded))
        elif encoding in _CYRILLIC:
            likely = all(map(_is_cyrillic, decoded))
        else:
            likely = all(map(_is_east_asian, decoded)) and _are_common(decoded, encoding)
        if likely:
            return encoding
    return _DEFAULT


def _is_east_asian(name: str) -> bool:
    """Whether all beyond ASCII is letters of these scripts, and none stands alone in a Latin word:
    there it would be an accented letter and its neighbour, read as one."""
    beyond = _beyond_ascii(name)
    signs = _EAST_ASIAN_RUN.sub("", beyond)
    wide = all(unicodedata.east_asian_width(sign) in "WF" for sign in signs)  # brackets, stops
    return len(signs) < len(beyond) and wide and not _SINGLE_IN_LATIN.search(name)


def _are_common(names: Sequence[str], encoding: str) -> bool:
    """Whether at least half of the letters are common ones of the encoding."""
    if encoding not in _EAST_ASIAN:
        return True
    letters = "".join(_EAST_ASIAN_RUN.findall("".join(names)))
    leads = [letter.encode(encoding)[0] for letter in letters]
    if encoding == "gb2312" and len(leads) >= _MANY_LETTERS and max(leads) in _EAST_ASIAN["cp949"]:
        return False  # so many letters, and all where Hangul is: by chance one time in twenty
    return 2 * sum(lead in _EAST_ASIAN[encoding] for lead in leads) >= len(leads)


def _is_latin(name: str) -> bool:
    """Whether all beyond ASCII is letters, and never three of them in a row."""
    letters = all(letter.isalpha() and letter not in _GREEK for letter in _beyond_ascii(name))
    return letters and not re.search(r"[^\x00-\x7f]{3}", name)


def _is_cyrillic(name: str) -> bool:
    """Whether all beyond ASCII is letters of that script, and none is capital amid a word."""
    letters = all("\u0400" <= letter <= "\u04ff" for letter in _beyond_ascii(name))
    return letters and not _CAPITAL_IN_WORD.search(name)


def _beyond_ascii(name: str) -> str:
    return "".join(letter for letter in name if not letter.isascii())
