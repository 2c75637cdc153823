"""URLs: what is asked of whom, what is refused, and that no error repeats a password."""

import traceback
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minirt.modules.excerpts import excerpt
from minirt.modules.messages import Answer
from minirt.modules.urls import Url, parse_url

HEADERS = [b"host", b"accept", b"accept-encoding", b"user-agent", b"connection"]


def parsed_or_refused(url: str) -> Url | ValueError:
    try:
        return parse_url(url)
    except ValueError as error:
        return error


def refusal(url: Any) -> str:
    """The one sentence with which `parse_url` refuses, as a reader sees it: no other is behind."""
    with pytest.raises((TypeError, ValueError)) as caught:
        parse_url(url)
    message = str(caught.value)
    assert type(caught.value) in (TypeError, ValueError)
    assert message.isprintable() and len(message) < 400
    assert "During handling" not in "".join(traceback.format_exception(caught.value))
    return message


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("HTTP://Example.COM:80/a/b?c=d#e", "example.com", 80, "/a/b?c=d", "example.com"),
        ("http://127.0.0.1:8080?q", "127.0.0.1", 8080, "/?q", "127.0.0.1:8080"),
        ("http://[::1]:81/x", "::1", 81, "/x", "[::1]:81"),
        ("http://[2001:DB8:0::1]/", "2001:db8::1", 80, "/", "[2001:db8::1]"),
        ("http://bücher.example/ä b%20c", "xn--bcher-kva.example", 80, "/%C3%A4%20b%20c", None),
        ("http://h/http://x/", "h", 80, "/http://x/", "h"),
        ("http://h/@user?to=a@b", "h", 80, "/@user?to=a@b", "h"),
        ("http://h:/", "h", 80, "/", "h"),
        ("http://h:00081/", "h", 81, "/", "h:81"),
        ("http://under_score.example./", "under_score.example.", 80, "/", "under_score.example."),
    ],
)
def test_a_url_is_taken_apart(
    url: str, host: str, port: int, target: str, authority: str | None
) -> None:
    parsed = parse_url(url)
    assert parsed[:3] == (host, port, target)
    assert authority is None or parsed.authority == authority


@pytest.mark.parametrize(
    ("url", "has_port"),
    [("http://h/", False), ("http://h:/", False), ("http://h:80/", True), ("http://h:0/", True)],
)
def test_a_url_knows_whether_it_spelled_its_port_out(url: str, has_port: bool) -> None:
    assert parse_url(url).has_port is has_port


@pytest.mark.parametrize("url", [None, 7, b"http://ada:s3cret@h/", ["http://h/"], object()])
def test_a_url_that_is_no_str_is_a_type_error_that_tells_the_type_only(url: Any) -> None:
    message = refusal(url)
    assert message.startswith(f"got a value of type {type(url).__name__}, expected a URL as str")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/path",
        "//h/",
        "file:///etc/passwd",
        "notes.txt",
        "ftp://h/",
        "http:h",
        "http://",
        "http:///path",
        "http://:80/",
        "http://h:99999/",
        "http://h:" + "9" * 5000 + "/",
        "http://h:x/",
        "http://h:-1/",
        "http://h:\u0663/",
        "http://h:80:80/",
        "http://[::1/",
        "http://::1/",
        "http://[127.0.0.1]/",
        "http://[v1.x]/",
        "http://evil[::1]/",
        "http://[::1]evil/",
        "http://[::1]x:80/",
        "http://[]/",
        "http://a b/",
        "http://a..b/",
        "http://./",
        f"http://{'a' * 64}/",
        f"http://{'a.' * 200}/",
        "http://a%0d%0ab/",
        "http://a\x00b/",
        "http://a\\b/",
        "http://ho\u2100st/",
        "http://h/\ud800",
        "http://h/?\udfff",
        "http://\ud800/",
    ],
)
def test_a_url_that_cannot_be_asked_is_a_value_error_in_one_sentence(url: str) -> None:
    assert refusal(url).startswith("got '")


@pytest.mark.parametrize("zone", ["\x0c", "\x1f", "\x00", " ", "\r\n", "eth0", "25eth0", "é", ""])
def test_a12_a_zone_in_an_ipv6_address_is_refused_so_that_none_reaches_the_host_header(
    zone: str,
) -> None:
    assert refusal(f"http://[::1%{zone}]/").startswith("got '")


def test_https_is_refused_with_the_reason() -> None:
    assert "no TLS here" in refusal("https://example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:s3cret@host/",
        "https://ada:s3cret@host/",
        "ftp://ada:s3cret@host/",
        "//ada:s3cret@host/",
        "ada:s3cret@host",
        "http:ada:s3cret@host/",
        "http:/ada:s3cret@host/",
        "http://s3cret@host/",
        "http://ada:s3cret/x@host/",  # a / in a password: the port is "s3cret", says the grammar
        "http://ada:s3cret#x@host/",
        "http://s3cret^x#@host/",
        "http://ada:s3cret@host:port/",
        "http://ada:s3cret@[::1/",
        "http://ada:s3cret@[::1%\x0c]/",
        "http://ada:s3cret@ho\u2100st/",  # urlsplit repeats all before the path in its own error
        "http://ada:s3cret@a b/",
        "http://ada:s3cret@/",
        "http://ada:s3cret@\ud800/",
        "http://ada:s3cret\uff20host/",  # a full-width @
        "https://ada:s3cret%40host/",
        "http://ada%3As3cret%40host/",
        "http://ada:s3cret@host@host/",
        "ftp://" + "ada:s3cret" + "x" * 1000 + "@host/",
    ],
)
def test_a11_no_error_repeats_what_may_be_a_password(url: str) -> None:
    message = refusal(url)
    assert "s3cret" not in message and "ada" not in message


SEPARATORS = st.text(st.sampled_from("/?#\\[]:@% \t\x0c\u2100\uff20é"), max_size=3)


@given(
    st.sampled_from(["http://", "https://", "ftp://", "//", "", "http:/", "HTTP:", "http://h/"]),
    st.tuples(SEPARATORS, SEPARATORS, SEPARATORS),
    st.sampled_from(["@host/", "@", "@[::1]:x", "@h:99999", "%40h", "@h/\ud800"]),
)
def test_a11_no_url_with_an_at_sign_has_its_password_repeated(
    start: str, between: tuple[str, str, str], end: str
) -> None:
    url = f"{start}{between[0]}ada{between[1]}s3cret{between[2]}{end}"
    parsed = parsed_or_refused(url)
    if isinstance(parsed, ValueError):
        assert "s3cret" not in "".join(traceback.format_exception(parsed))


def check(url: Url | ValueError) -> None:
    """A request line and the five headers that are always sent in visible ASCII, or a sentence."""
    if isinstance(url, ValueError):
        assert type(url) is ValueError
        assert str(url).isprintable()
        return
    lines = Answer(url, 100).request.split(b"\r\n")
    assert lines[0].startswith(b"GET /") and lines[0].endswith(b" HTTP/1.1")
    assert lines[0].count(b" ") == 2 and lines[1].count(b" ") == 1
    assert [line.partition(b":")[0].lower() for line in lines[1:6]] == HEADERS
    assert lines[6:] == [b"", b""]
    assert all(0x20 <= byte < 0x7F for line in lines for byte in line)


NASTY = st.sampled_from("\r\n\t\x00\x0b\x0c\x1c\x1f\x7f\x85\xa0\u2028\u3000\uff0e\uff0f\u2100 %")
ANYTHING = st.text(st.one_of(NASTY, st.characters(), st.sampled_from("[]:/?#@.%a1")), max_size=12)


@given(
    st.sampled_from(
        ["http://h/{}", "http://{}/", "http://h:{}/", "http://[{}]/", "http://[::1%{}]"]
    ),
    ANYTHING,
    ANYTHING,
)
@example("http://[{}]/", "::1%\x0c", "")
@example("http://[{}]/", "::1%\x1f", "")
@example("http://h/{}", "\r\nX: y", "")
@example("http://h/{}", "?\x85\u2028 HTTP/1.1", "")
def test_no_url_smuggles_anything_into_the_request(form: str, middle: str, end: str) -> None:
    check(parsed_or_refused(form.format(middle) + end))


@given(st.text(max_size=30))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    check(parsed_or_refused(text))


# Excerpts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        (" two\r\n\tlines ", "two lines"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202ereversed\ud800\x85", "\\u202ereversed\\ud800\\x85"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "…"),
        ("", ""),
    ],
)
def test_an_excerpt_is_one_visible_line(text: str, shown: str) -> None:
    assert excerpt(text) == shown


@given(st.text(), st.integers(1, 20))
def test_an_excerpt_is_printable_and_short_whatever_it_shows(text: str, longest: int) -> None:
    shown = excerpt(text, longest)
    assert shown.isprintable() and len(shown) <= longest + 1
