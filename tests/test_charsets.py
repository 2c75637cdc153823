"""Charsets: which of them a server may choose, and bytes that become text piece by piece."""

import codecs
import encodings.aliases
import pkgutil
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.errors import HttpError
from minirt.modules import charsets
from minirt.modules.charsets import ENCODINGS, SYNONYMS, Text, charset_of, codec_of


def outcome(function: Callable[[], str]) -> str | HttpError:
    try:
        return function()
    except HttpError as error:
        return error


@pytest.mark.parametrize(
    ("content_type", "codec"),
    [
        ("", "utf_8"),
        ("text/plain", "utf_8"),
        ("text/plain; charset=", "utf_8"),
        ("text/html; charset=ISO-8859-1", "latin_1"),
        ('text/html; Charset="utf-16-le"; x=y', "utf_16_le"),
        ("text/html; charset='utf-8'", "utf_8"),
        ("text/plain; xcharset=utf-16; charset=utf-8", "utf_8"),
        ("text/plain; x=charset=utf-16", "utf_8"),
        ('text/plain; x="; charset=utf-16"; charset=koi8-r', "koi8_r"),
        ("text/plain; charset=utf-8; charset=utf-16", "utf_8"),
        ("text/plain; charset*=utf-8''koi8-r", "koi8_r"),
        ("text/plain; charset*0=koi; charset*1=8-r", "koi8_r"),
        ("text/plain; charset=gb2312", "gb18030"),
        ("text/plain; charset=Shift_JIS", "cp932"),
        ("text/plain; charset=x-sjis", "cp932"),
        ("text/plain; charset=euc-kr", "cp949"),
        ("text/plain; charset=windows-1252", "cp1252"),
        ("text/plain; charset=iso_8859-1:1987", "latin_1"),
    ],
)
def test_r15_the_charset_of_a_content_type_is_read_as_its_grammar_says(
    content_type: str, codec: str
) -> None:
    assert charset_of(content_type) == codec


NOT_OF_THE_WEB = [
    "punycode",
    "idna",
    "unicode_escape",
    "unicode-escape",
    "raw_unicode_escape",
    "undefined",
    "utf-7",
    "utf-8-sig",
    "utf-32",
    "cp65000",
    "mbcs",
    "oem",
    "hex",
    "rot13",
    "zip",
    "zlib",
    "bz2",
    "base64",
    "quopri",
    "uu",
    "hz",
    "iso2022_kr",
    "cp037",
    "klingon",
]


@pytest.mark.parametrize("label", NOT_OF_THE_WEB)
@pytest.mark.parametrize("form", ["{}", '"{}"', "x'y'{}", " {} "])
def test_r15_a_charset_that_browsers_do_not_read_is_refused_by_name(label: str, form: str) -> None:
    with pytest.raises(HttpError, match=label):
        charset_of(f"text/plain; charset={form.format(label)}")


@pytest.mark.parametrize("codec", ["unicode_escape", "punycode", "klingon"])
def test_r15_the_extended_form_of_the_parameter_chooses_no_codec_either(codec: str) -> None:
    assert charset_of(f"text/plain; charset*={codec}'en'%75tf-8") == "utf_8"


def test_every_encoding_of_python_is_allowed_by_name_or_refused() -> None:
    modules = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    assert modules >= ENCODINGS
    assert set(SYNONYMS.values()) <= ENCODINGS
    for name in modules | set(encodings.aliases.aliases):
        try:
            assert codec_of(name) in ENCODINGS
        except HttpError:
            continue


def test_every_allowed_encoding_is_one_of_text_and_has_an_incremental_decoder() -> None:
    for codec in ENCODINGS:
        info = codecs.lookup(codec)
        assert info._is_text_encoding
        assert info.incrementaldecoder is not None
        text = Text(codec)
        text.add("plain text, 123".encode(codec))
        text.end()
        assert str(text) == "plain text, 123"


def test_an_unknown_charset_is_not_remembered_by_python() -> None:
    known = len(encodings._cache)  # type: ignore[attr-defined]
    for number in range(10):
        with pytest.raises(HttpError):
            charset_of(f"text/plain; charset=unknown{number}")
    assert len(encodings._cache) == known  # type: ignore[attr-defined]


def test_a_long_or_unprintable_charset_is_cut_and_made_visible() -> None:
    with pytest.raises(HttpError) as caught:
        charset_of("text/plain; charset=" + "\x1b[31m" + "x" * 500)
    message = str(caught.value)
    assert "\\x1b[31mxxx" in message and message.isprintable() and len(message) < 150
    with pytest.raises(HttpError, match="1000 characters"):
        charset_of("text/plain;" + '";' * 5000)


@given(
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.sampled_from(["charset=", "charset*=", "charset*0=", "charset*0*=", 'charset="', ""]),
    st.text(st.sampled_from("utf-8'%*=;\"\\ \x00\xff0"), max_size=20),
)
def test_a12_no_content_type_does_more_than_name_a_codec_or_be_refused(
    start: str, parameter: str, end: str
) -> None:
    codec = outcome(lambda: charset_of(f"{start};{parameter}{end}"))
    assert codec in ENCODINGS or (isinstance(codec, HttpError) and str(codec).isprintable())


# Text, piece by piece


def decoded(codec: str, *pieces: bytes) -> str:
    text = Text(codec)
    for piece in pieces:
        text.add(piece)
    text.end()
    return str(text)


@given(st.sampled_from(["utf_8", "utf_16", "utf_16_le", "gb18030"]), st.text(), st.integers(1, 9))
def test_a_text_is_the_same_in_pieces_of_any_size(codec: str, text: str, size: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    raw = text.encode(codec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charsets, "PIECE", size)
        assert decoded(codec, *(raw[at : at + 3] for at in range(0, len(raw), 3))) == text


@given(st.sampled_from(sorted(ENCODINGS)), st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_are_text_or_an_http_error(codec: str, pieces: list[bytes]) -> None:
    text = outcome(lambda: decoded(codec, *pieces))
    if isinstance(text, HttpError):
        assert "not text in its charset" in str(text) and str(text).isprintable()
    else:
        text.encode()  # it has no lone surrogates


def test_utf_16_without_a_mark_is_little_endian_and_a_mark_is_not_part_of_the_text() -> None:
    assert decoded("utf_16", "hé".encode("utf-16-le")) == "hé"
    assert decoded("utf_16", codecs.BOM_UTF16_LE, "hé".encode("utf-16-le")) == "hé"
    assert decoded("utf_16", codecs.BOM_UTF16_BE, "hé".encode("utf-16-be")) == "hé"
    assert decoded("utf_16") == ""


def test_half_a_character_at_the_end_is_an_error() -> None:
    with pytest.raises(HttpError, match="byte 0xc3 cannot stand there in utf-8"):
        decoded("utf_8", b"ol\xc3")


def test_single_bytes_are_kept_in_pieces_of_a_decent_size() -> None:
    text = Text()
    for _ in range(100_000):
        text.add(b"x")
    assert len(text._pieces) == 100_000 // charsets.PIECE
    assert max(len(piece) for piece in text._pieces) == charsets.PIECE
