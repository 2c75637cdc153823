"""Which text do these bytes spell?

The server names the charset, so the server chooses which code runs here. Python's codecs are more
than encodings of text: `punycode` takes time by the square of its input, `unicode_escape` reads
backslashes, `zip` unpacks a bomb, and even the look-up of an unknown name is remembered for ever.
Therefore a name is looked up in a fixed table first: the encodings that browsers read
(https://encoding.spec.whatwg.org), and nothing else.
"""

import codecs
import re
from email.message import Message
from encodings.aliases import aliases
from types import MappingProxyType

from minirt.errors import HttpError
from minirt.modules.excerpts import excerpt

LONGEST_TYPE = 1000  # characters of a Content-Type: its parser takes time by the square of them
PIECE = 16384  # bytes that are decoded at once
UTF_8 = "utf_8"

SEPARATORS = re.compile(r"[^a-z0-9]+")

# Encodings of the web, as Python calls them
# fmt: off
ENCODINGS = frozenset((
    "utf_8", "utf_16", "utf_16_be", "utf_16_le", "ascii", "latin_1",
    "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
    "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16",
    "cp866", "cp874", "cp932", "cp949", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255",
    "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_u", "mac_roman", "mac_cyrillic",
    "big5hkscs", "euc_jp", "gb18030", "iso2022_jp",
))
# fmt: on

# Names that stand for a larger encoding, as in browsers, and names that Python does not know
SYNONYMS = MappingProxyType(
    {
        "big5": "big5hkscs",
        "euc_kr": "cp949",
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "shift_jis": "cp932",
        "iso_8859_8_i": "iso8859_8",
        "tis_620": "cp874",
        "windows_31j": "cp932",
        "windows_874": "cp874",
        "windows_949": "cp949",
        "x_gbk": "gb18030",
        "x_mac_cyrillic": "mac_cyrillic",
        "x_sjis": "cp932",
    }
)


def charset_of(content_type: str) -> str:
    """The codec for a Content-Type header: UTF-8 if it names none. HttpError for one of no text."""
    if len(content_type) > LONGEST_TYPE:
        raise HttpError(f"its Content-Type has more than {LONGEST_TYPE} characters")
    header = Message()
    header["Content-Type"] = content_type
    label = header.get_param("charset") or UTF_8
    if isinstance(label, tuple):  # charset*=...: encoding, language, value
        label = label[2]
    return codec_of(label)


def codec_of(label: str) -> str:
    """The name of Python's codec for a charset."""
    name = SEPARATORS.sub("_", label.lower()).strip("_")
    name = aliases.get(name, name)
    codec = SYNONYMS.get(name, name)
    if codec not in ENCODINGS:
        raise HttpError(
            f"its charset '{excerpt(label, 40)}' is not one that browsers read. "
            "Ask for a page in UTF-8"
        )
    return codec


class Text:
    """Bytes that become text while they arrive, a piece at a time."""

    def __init__(self, codec: str = UTF_8, errors: str = "strict") -> None:
        self._codec = codec
        self._errors = errors  # "strict", or "replace" for what is shown only
        self._decoder: codecs.IncrementalDecoder | None = None
        self._bytes = bytearray()  # not yet decoded
        self._pieces: list[str] = []

    def add(self, more: bytes) -> None:
        """Take more bytes. HttpError as soon as they are not text in this charset."""
        self._bytes += more
        if len(self._bytes) >= PIECE:
            self._decode()

    def end(self) -> None:
        """There are no more bytes. HttpError if half a character is left."""
        self._decode(final=True)

    def __str__(self) -> str:
        return "".join(self._pieces)

    def _decode(self, final: bool = False) -> None:
        if self._decoder is None:
            self._decoder = self._new_decoder()
        try:
            self._pieces.append(self._decoder.decode(self._bytes, final))
        except UnicodeDecodeError as error:
            wrong = error.object[error.start : error.start + 1].hex()
            raise HttpError(
                f"the body is not text in its charset: byte 0x{wrong} cannot stand there in "
                f"{self._codec.replace('_', '-')} ({error.reason})"
            ) from None
        self._bytes.clear()

    def _new_decoder(self) -> codecs.IncrementalDecoder:
        """UTF-16 begins with a mark of its byte order; without one, browsers read little-endian."""
        codec = self._codec
        marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        if codec == "utf_16" and not self._bytes.startswith(marks):
            codec = "utf_16_le"
        return codecs.getincrementaldecoder(codec)(self._errors)
