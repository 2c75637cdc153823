"""Answers as bytes: what they are worth, and that no server can make a step of the work long."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minirt import Error, String
from minirt.errors import HttpError, ResponseTooLarge, StateError
from minirt.modules import excerpts, messages, parsing
from minirt.modules.messages import Answer, Progress, Url

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
RECV = 65536  # bytes: what one recv brings
LIMIT = 16 * 2**20  # bytes of a body


def new_answer(max_bytes: int = 1000) -> Answer:
    return Answer(Url("h", 80, "/"), max_bytes)


def fed(answer: Answer, *chunks: bytes) -> Progress:
    """Feed the chunks, stepping between them, as long as the answer wants more."""
    progress = Progress.NEEDS_MORE_BYTES
    for chunk in chunks:
        answer.receive(chunk)
        while (progress := answer.step()) is Progress.HAS_MORE_WORK:
            pass
        if progress is Progress.COMPLETE:
            break
    return progress


def value_of(*chunks: bytes, max_bytes: int = 1000) -> Any:
    """What the callback would receive for these chunks; None while the answer is incomplete."""
    answer = new_answer(max_bytes)
    return answer.value() if fed(answer, *chunks) is Progress.COMPLETE else None


def failure_of(*chunks: bytes, max_bytes: int = 1000) -> str:
    """The message of the `Error` that these chunks end in."""
    value = value_of(*chunks, max_bytes=max_bytes)
    assert isinstance(value, Error) and isinstance(value.exception, HttpError), value
    message = str(value.exception)
    assert message.isprintable() and len(message) < 600
    return message


def page(head: bytes, body: bytes = b"") -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def typed(content_type: bytes, body: bytes) -> bytes:
    return page(OK + b"Content-Type: " + content_type + b"\r\n", body)


# What an answer is worth


def test_a_body_may_be_counted_chunked_or_ended_by_the_close() -> None:
    assert value_of(page(OK, b"hi")) == String("hi")
    assert value_of(CHUNKED + b"1;x=y\r\nh\r\n1\r\ni\r\n0\r\nA: b\r\n\r\n") == String("hi")
    assert value_of(b"HTTP/1.0 200 OK\r\n\r\nh", b"i", b"") == String("hi")
    assert value_of(page(OK)) == String("")
    assert value_of(b"HTTP/1.1 204 No Content\r\n\r\n") == String("")


def test_an_answer_in_single_bytes_is_the_same_answer() -> None:
    whole = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    assert value_of(*(whole[i : i + 1] for i in range(len(whole)))) == String("hello")


def test_an_ordinary_answer_is_complete_after_one_step() -> None:
    answer = new_answer()
    answer.receive(page(OK + b"Server: x\r\nDate: y\r\n", b"hello"))
    assert answer.step() is Progress.COMPLETE
    assert answer.value() == String("hello")
    assert answer.step() is Progress.COMPLETE


def test_feed_takes_all_the_steps_at_once() -> None:
    answer = new_answer()
    assert not answer.feed(CHUNKED + b"1\r\nx\r\n" * 500)
    assert answer.feed(b"0\r\n\r\n")
    assert answer.value() == String("x" * 500)


def test_the_value_of_an_incomplete_answer_cannot_be_asked_for() -> None:
    with pytest.raises(StateError, match="COMPLETE"):
        new_answer().value()


def test_informational_answers_come_before_the_answer() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert value_of(hints * 3 + page(OK, b"x")) == String("x")


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        (b"text/plain", "ä".encode(), "ä"),
        (b"text/html; charset=ISO-8859-1", b"\xe4", "ä"),
        (b'text/html; Charset="utf-16-le"; x=y', "ä".encode("utf-16-le"), "ä"),
        (b"text/plain; xcharset=utf-16; charset=utf-8", "ä".encode(), "ä"),
    ],
)
def test_the_charset_of_the_header_is_used(header: bytes, body: bytes, text: str) -> None:
    assert value_of(typed(header, body)) == String(text)


def test_the_first_of_two_content_types_counts() -> None:
    head = OK + b"Content-Type: x; charset=latin-1\r\nContent-Type: x; charset=utf-16\r\n"
    assert value_of(page(head, b"\xe4")) == String("ä")


@pytest.mark.parametrize("charset", [b"klingon", b"hex", b"undefined", b"idna", b"unicode_escape"])
def test_a12_a_charset_that_is_none_of_the_web_is_an_error_that_names_it(charset: bytes) -> None:
    message = failure_of(typed(b"text/plain; charset=" + charset, b"\\N{DIGIT ONE}"))
    assert message.startswith(f"http://h/ cannot be read: its charset '{charset.decode()}'")


def test_a_body_that_is_not_text_in_its_charset_is_an_error_that_names_the_byte() -> None:
    message = failure_of(page(OK, b"ol\xe9!"))
    assert "not text in its charset: byte 0xe9 cannot stand there in utf-8" in message


def test_a_status_of_trouble_is_an_error_that_shows_it_and_the_page() -> None:
    message = failure_of(page(b"HTTP/1.1 404 Not Found\r\n", b"no\xff such\n"))
    assert message == "http://h/ was answered with 404 Not Found: no� such"
    assert failure_of(page(b"HTTP/1.1 500\r\n")) == "http://h/ was answered with 500"


def test_a_redirect_is_an_error_that_says_where_to_ask_and_needs_no_body() -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://new/\r\nContent-Length: 99999\r\n\r\n"
    assert failure_of(moved) == "http://h/ was answered with 301 Moved: ask for http://new/"


def test_the_page_of_an_error_is_cut_visible_and_in_its_charset() -> None:
    head = b"HTTP/1.1 500 Oops\x1b[2J\r\nContent-Type: x; charset=latin-1\r\n"
    message = failure_of(page(head, b"\x1b[31mfran\xe7ais\x00\r\n" + b"x" * 900))
    assert "500 Oops\\x1b[2J: \\x1b[31mfrançais\\x00 xxx" in message
    assert len(message) < excerpts.LONGEST + 100


def test_an_error_page_without_end_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: x; charset=klingon\r\n\r\n"
    assert "404 Not Found: xxx" in failure_of(head, *[b"x" * 100] * 20)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"garbage\r\n\r\n"],
        [OK + b"Content-Length: x\r\n\r\n"],
        [OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"],
        [CHUNKED + b"ZZ\r\n"],
        [CHUNKED + b"5\r\nhello", b""],
        [CHUNKED + b"5\r\nhelloXX"],
        [OK + b"Content-Length: 5\r\n\r\nhel", b""],
        [OK + b"Content-Le", b""],
        [b""],
        [b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"],
        [OK + b"A: " + b"x" * 100_000],
        [OK + b"A\x00: b\r\n\r\n"],
        [OK + b"A: " + b"\x00" * 10_000 + b"\r\n\r\n"],
    ],
)
def test_what_is_no_complete_http_is_an_error_that_names_the_url(chunks: list[bytes]) -> None:
    assert failure_of(*chunks).startswith("http://h/")


def test_an_error_keeps_neither_the_answer_nor_a_traceback() -> None:
    value = value_of(b"garbage\r\n\r\n")
    assert value.exception.__traceback__ is None
    assert len(traceback.format_exception(value.exception)) == 1


def test_the_url_in_an_error_is_cut() -> None:
    answer = Answer(Url("h", 80, "/" + "x" * 100_000), 1000)
    fed(answer, b"")
    value = answer.value()
    assert isinstance(value, Error)
    assert len(str(value.exception)) < excerpts.LONGEST + 100


# The first line


@pytest.mark.parametrize(
    "start",
    [
        b"220 smtp.example.com ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"* OK IMAP4rev1",
        b"\x16\x03\x01\x02",
        b"\r\n",
        b" HTTP/1.1 200 OK",
        b"http/1.1 200",
        b"HTTP/2",
        b"HTTP/0.9",
        b"HTTP/1.2",
        b"HTTP/1.1\t",
        b"HTTP/1.1 2x",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 099",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/3.7 200 OK\r\n\r\n",
        b"<html>",
    ],
)
def test_r15_a_start_that_can_become_no_status_line_is_refused_at_once(start: bytes) -> None:
    assert "was not answered in valid HTTP: it begins with '" in failure_of(start)
    assert "valid HTTP" in failure_of(*(start[i : i + 1] for i in range(len(start))))


def test_every_beginning_of_a_status_line_is_waited_for() -> None:
    for line in (b"HTTP/1.1 200 Fine\r\n", b"HTTP/1.0 599\r\n", b"HTTP/1.1 999 \n"):
        for size in range(1, len(line) + 1):
            assert value_of(line[:size]) is None


def test_the_first_line_is_judged_after_an_informational_answer_too() -> None:
    assert "begins with '220'" in failure_of(b"HTTP/1.1 100 Go on\r\n\r\n", b"220")


# Bounds


def test_a_body_larger_than_allowed_is_refused_as_soon_as_it_is_known() -> None:
    assert "larger than 10 bytes" in failure_of(OK + b"Content-Length: 11\r\n\r\n", max_bytes=10)
    grown = CHUNKED + b"B\r\n" + b"x" * 11
    assert isinstance(value_of(grown, max_bytes=10).exception, ResponseTooLarge)
    endless = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 11
    assert isinstance(value_of(endless, max_bytes=10).exception, ResponseTooLarge)
    assert value_of(page(OK, b"x" * 10), max_bytes=10) == String("x" * 10)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"HTTP/1.1 200 " + b"x" * 100_000, "longer than 16384 bytes"),
        (OK + b"A: " + b"x" * 100_000, "longer than 16384 bytes"),
        (OK + b"a:\n" * 1000, "more than 256 headers"),
        (OK + b"a:b\n" + b" c\n" * 1000, "more than 256 headers"),
        (OK + b"a:" + b" " * 60_000 + b"\0\r\n\r\n", "128 blanks in a row"),
        (OK + b"a:" + b" \t" * 30_000 + b"\0\r\n\r\n", "128 blanks in a row"),
        (b"HTTP/1.1 103 Early\r\n\r\n" * 1000, "more than 16 answers 1xx"),
        (CHUNKED + b"1;" + b"x" * 100_000, "longer than 16384 bytes"),
        (CHUNKED + b"1;" + b" " * 60_000 + b"\n\r\n", "128 blanks in a row"),
        (CHUNKED + b"0\r\n" + b"a:\n" * 1000, "more than 256 headers"),
        (CHUNKED + b"0\r\na:" + b"\t" * 60_000 + b"\0\r\n\r\n", "128 blanks in a row"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 3000, 10**6])
@pytest.mark.slow
def test_lines_too_long_too_many_or_made_to_be_slow_are_refused(
    raw: bytes, told: str, size: int
) -> None:
    message = failure_of(*(raw[at : at + size] for at in range(0, len(raw), size)))
    assert message.startswith("http://h/ was not answered in valid HTTP: ")
    assert told in message


@pytest.mark.parametrize("size", [1, 7, 3000, 10**6])
@pytest.mark.slow
def test_a_head_of_exactly_the_allowed_size_is_read_whatever_its_pieces(size: int) -> None:
    end = b"Content-Length: 0\r\n\r\n"
    most = OK + b"a:\n" * (parsing.MOST_HEADERS - 1) + end
    filling = parsing.LONGEST_HEAD - len(OK + b"a: \r\n" + end)
    longest = OK + b"a: " + b"x" * filling + b"\r\n" + end
    blanks = OK + b"a:" + b" " * 127 + b"x\r\n" + end
    for raw in (most, longest, blanks):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        assert value_of(*pieces) == String("")
    for raw in (OK + b"a:\n" + most[len(OK) :], OK + b"a: x" + longest[len(OK) + 3 :]):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        failure_of(*pieces)


def test_a_chunked_body_of_blanks_is_a_body_like_another() -> None:
    body = b" \t" * 5000
    raw = CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert value_of(raw, max_bytes=LIMIT) == String(body.decode())


# The same in pieces of any size

LINES = st.sampled_from(
    [
        OK,
        b"HTTP/1.0 404 No\r\n",
        b"HTTP/1.1 103 Hint\r\n\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Type: text/plain; charset=utf-16\r\n",
        b"Content-Type: x; charset=punycode\r\n",
        b"Location: x\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"3\r\nabc\r\n",
        b"3;e=x\r\n\xe4\xc3\xa4\r\n",
        b"0\r\n",
        b"abc",
        b" " * 130,
        b"\x00",
    ]
)


@given(st.lists(st.one_of(LINES, st.binary(max_size=5)), max_size=9), st.integers(1, 40))
@example([OK, b"\r\n", b" " * 130], 1)
def test_an_answer_is_worth_the_same_in_pieces_of_any_size(lines: list[bytes], size: int) -> None:
    raw = b"".join(lines)
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    whole, parted = value_of(*filter(None, [raw]), b""), value_of(*pieces, b"")
    if isinstance(whole, Error):
        assert isinstance(parted, Error)
        assert type(parted.exception) is type(whole.exception)
    else:
        assert parted == whole and isinstance(whole, String)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.booleans())
def test_no_bytes_make_anything_but_a_string_or_an_http_error(
    chunks: list[bytes], is_headed: bool
) -> None:
    value = value_of(*([CHUNKED] if is_headed else []), *chunks, b"", max_bytes=100)
    assert isinstance(value, String) or isinstance(value.exception, HttpError)


# The work of one step


@dataclass
class Work:
    """What h11 did in the course of one step."""

    events: int = 0
    slices: list[int] = field(default_factory=list)  # bytes of each
    kept: int = 0  # bytes of lines that waited for their end, at most


@contextmanager
def watched_work() -> Iterator[list[Work]]:
    """The list's last item counts what h11 does from now on."""
    log = [Work()]
    next_event, receive_data = h11.Connection.next_event, h11.Connection.receive_data

    def counted_next_event(self: h11.Connection) -> Any:
        log[-1].events += 1
        event = next_event(self)
        if event is h11.NEED_DATA:
            log[-1].kept = max(log[-1].kept, len(self.trailing_data[0]))
        return event

    def counted_receive_data(self: h11.Connection, data: bytes) -> None:
        log[-1].slices.append(len(data))
        receive_data(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h11.Connection, "next_event", counted_next_event)
        patch.setattr(h11.Connection, "receive_data", counted_receive_data)
        yield log


HINT = b"HTTP/1.1 103 x\r\n"
NASTY = {
    "chunks of one byte": CHUNKED + b"1\r\nx\r\n" * 15_000,
    "chunks of two bytes": CHUNKED + b"2\r\nxy\r\n" * 15_000,
    "informational answers": (HINT + b"\r\n") * 8000,
    "informational answers with headers": (HINT + b"a:\n" * 255 + b"\n") * 100,
    "informational answers with folded headers": (HINT + b"a:b\n" + b" \n" * 255 + b"\n") * 100,
    "informational answers of full size": (HINT + b"a: %s\r\n\r\n" % (b"x " * 8000)) * 15,
    "headers": OK + b"a:\n" * 20_000,
    "headers in time": OK + b"a:\n" * 255 + b"Content-Length: 0\n\n",
    "folded headers": OK + b"a:b\n" + b" x\n" * 20_000,
    "blanks": OK + b"a:" + b" " * 60_000 + b"\0\r\n\r\n",
    "rows of blanks": OK + b"a:" + (b" " * 127 + b"x") * 120 + b"\0\r\n\r\n",
    "commas": OK + b"Connection:" + b"," * 15_000 + b"\r\n\r\n",
    "a Content-Type": OK + b"Content-Type: x;" + b'";' * 490 + b"\r\n\r\n",
    "a long Content-Type": OK + b"Content-Type: x;" + b'";' * 7000 + b"\r\n\r\n",
    "chunk extensions": CHUNKED + (b"1;" + b"y" * 8000 + b"\r\nx\r\n") * 100,
    "blank chunk extensions": CHUNKED + b"1;" + b" " * 60_000 + b"\n\r\n",
    "trailers": CHUNKED + b"0\r\n" + b"a:\n" * 20_000,
    "trailers in time": CHUNKED + b"0\r\n" + b"a:\n" * 255 + b"\n",
    "a greeting": b"220 smtp.example\r\n" * 3000,
    "a status line": b"HTTP/1.1 200 " + b"x" * 100_000,
    "a large text": page(OK, b"x" * 2**20),
    "large chunks": CHUNKED + (b"fff0\r\n" + b"x" * 0xFFF0 + b"\r\n") * 16,
    "a large text of blanks": CHUNKED + (b"fff0\r\n" + b" " * 0xFFF0 + b"\r\n") * 16,
    "gb18030": typed(b"x; charset=gb18030", "日本語".encode("gb18030") * 100_000),
    "iso-2022-jp": typed(b"x; charset=iso-2022-jp", b"\x1b$B00\x1b(B" * 80_000),
    "punycode": typed(b"x; charset=punycode", b"a-" * 200_000),
    "koi8-r": typed(b"x; charset=koi8-r", b"\xc1" * 2**20),
}


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("size", [RECV, 10**8])
def test_a3_no_server_makes_one_step_do_more_than_its_share(name: str, size: int) -> None:
    raw = NASTY[name]
    answer = new_answer(LIMIT)
    with watched_work() as log:
        for at in range(0, len(raw), size):
            answer.receive(raw[at : at + size])
            assert log[-1] == Work()  # taking bytes is no work
            while (progress := answer.step()) is Progress.HAS_MORE_WORK:
                log.append(Work())
            log.append(Work())
            if progress is Progress.COMPLETE:
                break
    assert max(work.events for work in log) <= messages.WORK
    assert max(max(work.slices, default=0) for work in log) <= parsing.SLICE
    assert max(work.kept for work in log) <= parsing.LONGEST_HEAD


def test_a3_chunks_of_two_bytes_are_worked_off_in_many_steps() -> None:
    answer = new_answer(LIMIT)
    answer.receive(CHUNKED + b"2\r\nxy\r\n" * 9000 + b"0\r\n\r\n")
    steps = 1
    while answer.step() is Progress.HAS_MORE_WORK:
        steps += 1
    assert steps > 100
    assert answer.value() == String("xy" * 9000)


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_a3_no_step_takes_longer_than_ten_milliseconds(name: str) -> None:
    def longest_step() -> float:
        answer = new_answer(LIMIT)
        longest = 0.0
        for at in range(0, len(NASTY[name]), RECV):
            progress = Progress.HAS_MORE_WORK
            answer.receive(NASTY[name][at : at + RECV])
            while progress is Progress.HAS_MORE_WORK:
                began = time.process_time()
                progress = answer.step()
                longest = max(longest, time.process_time() - began)
            if progress is Progress.COMPLETE:
                break
        return longest

    assert min(longest_step() for _ in range(3)) < 0.010  # the machine has other things to do
