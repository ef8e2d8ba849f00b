"""PURE. The name under which OpenSSL looks for a list in a folder: a hash of its authority's name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_UTF8: Final = 0x0C
_CODECS: Final = {
    _UTF8: "utf-8",
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # T61String, as OpenSSL takes it
    0x16: "latin-1",  # IA5String
    0x1A: "latin-1",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_SHORT: Final = 0x80
_BLANKS: Final = re.compile(r"[ \t\n\v\f\r]+")


def name_hash(name: bytes) -> str:
    """Eight hexadecimal digits for a name in DER.

    Two spellings of a name that differ in case, in blanks or in the kind of text have one hash.
    """
    [(_, body)] = _parts(name)
    canonical = b"".join(
        _wrapped(_SET, b"".join(sorted(_wrapped(_SEQUENCE, _canonical(pair)) for _, pair in _parts(group))))
        for _, group in _parts(body)
    )
    # The same as OpenSSL's, which is not for secrecy.
    return hashlib.sha1(canonical, usedforsecurity=False).digest()[3::-1].hex()


def _canonical(pair: bytes) -> bytes:
    (kind, what), (tag, value) = _parts(pair)
    codec = _CODECS.get(tag)
    if codec is not None:
        text = _BLANKS.sub(" ", value.decode(codec)).strip(" ")
        tag, value = _UTF8, "".join(c.lower() if c.isascii() else c for c in text).encode()
    return _wrapped(kind, what) + _wrapped(tag, value)


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that stand one after the other, each with its tag."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= _SHORT:
            size = length - _SHORT
            length, at = int.from_bytes(der[at : at + size]), at + size
        yield tag, der[at : at + length]
        at += length


def _wrapped(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < _SHORT:
        return bytes((tag, size)) + value
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _SHORT + len(digits))) + digits + value
