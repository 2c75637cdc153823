"""How much work may a server make the parser do at once?

`h11` knows the grammar of HTTP, and reads at once whatever it is given. A server that wants to hold
the loop up can use that. Measured with h11 0.16, on what one `recv` of 64 KiB may bring:

- chunks of one byte: 10,000 events, 100 ms
- headers of one letter: 20,000 of them, 30 ms
- one header with 16,000 blanks and a NUL: a regular expression tries all ways to part the blanks,
  1.4 s; with 64,000 blanks, 23 s
- a greeting of another protocol, without a blank line: h11 waits for the rest of it, for ever

So h11 is handed a slice at a time. What it keeps of a slice is the beginning of something, of a
head, a chunk's size or the trailers: lines, which are judged before the next slice follows.
"""

import re

import h11

from minirt.modules.excerpts import excerpt

SLICE = 2048  # bytes
LONGEST_HEAD = 16384  # bytes of lines that belong together
MOST_HEADERS = 256
MOST_HINTS = 16  # answers 1xx before the answer
BLANKS = b" " * 128  # so many in a row are refused

STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-9][0-9][0-9][ \r\n]")
EXAMPLE = b"HTTP/1.1 200 "


class BoundedParser:
    """h11 in slices: no event costs more than about a millisecond, whatever the server sends."""

    def __init__(self) -> None:
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * LONGEST_HEAD)
        self._unparsed = bytearray()
        self._hears_more = True
        self._reads_lines = True  # in heads and between chunks, not in a body that is counted
        self._hints = 0
        self.has_ended = False  # the parser knows that the server closed

    def request(self, target: str, headers: list[tuple[str, str]]) -> bytes:
        """The bytes of a GET request."""
        head = h11.Request(method="GET", target=target, headers=headers)
        return self._parser.send(head) + self._parser.send(h11.EndOfMessage())

    def receive(self, chunk: bytes) -> None:
        """Take what has arrived, b"" when the server closed. No work is done yet."""
        self._unparsed += chunk
        self._hears_more = bool(chunk)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | None:
        """An event; None when there was none in the last slice; NEED_DATA when no slice is left.

        h11.RemoteProtocolError for what is not HTTP, or more of it than anyone needs.
        """
        if self._parser.their_state is h11.SEND_RESPONSE:
            self._judge_start()
        event = self._parser.next_event()
        if isinstance(event, h11.Response):
            self._reads_lines = any(name == b"transfer-encoding" for name, _ in event.headers)
        elif isinstance(event, h11.InformationalResponse):
            self._hints += 1
            if self._hints > MOST_HINTS:
                raise h11.RemoteProtocolError(f"it has more than {MOST_HINTS} answers 1xx")
        if isinstance(event, h11.Event):
            self._judge_number(len(getattr(event, "headers", ())))
            return event
        limit = SLICE
        if self._reads_lines:
            limit = min(SLICE, LONGEST_HEAD - self._judge_lines())
        return None if self._hand_over(limit) else h11.NEED_DATA

    def _hand_over(self, limit: int) -> bool:
        """The next slice to h11, or else the end. False when there is neither."""
        if self._unparsed:
            part = self._unparsed[:limit]
            if self._reads_lines and (start := first_blanks(part)) >= 0:
                del part[start + len(BLANKS) :]  # they are judged before the rest may follow
            del self._unparsed[: len(part)]
            self._parser.receive_data(bytes(part))
            return True
        if self._hears_more or self.has_ended:
            return False
        self.has_ended = True
        self._parser.receive_data(b"")
        return True

    def _judge_start(self) -> None:
        """Can this be, or become, a status line? Completed by an example, it must be one."""
        start = self._parser.trailing_data[0][: len(EXAMPLE)]
        if not STATUS_LINE.match(start + EXAMPLE[len(start) :]):
            begins = excerpt(start.decode("latin-1"))
            raise h11.RemoteProtocolError(
                f"it begins with '{begins}', not like 'HTTP/1.1 200'. Check the port"
            )

    def _judge_lines(self) -> int:
        """Are the lines whose end has not come too long, too many, or made to be slow? Their size.

        The answer does not depend on how the bytes were cut into pieces.
        """
        lines = self._parser.trailing_data[0]
        if len(lines) >= LONGEST_HEAD:
            raise h11.RemoteProtocolError(f"its head is longer than {LONGEST_HEAD} bytes")
        self._judge_number(lines.count(b"\n") - 1)  # but for the status line, or a chunk's size
        if first_blanks(lines[-SLICE - len(BLANKS) :]) >= 0:  # what is before was judged before
            raise h11.RemoteProtocolError(f"its head has {len(BLANKS)} blanks in a row")
        return len(lines)

    def _judge_number(self, headers: int) -> None:
        if headers > MOST_HEADERS:
            raise h11.RemoteProtocolError(f"it has more than {MOST_HEADERS} headers")


def first_blanks(lines: bytes | bytearray) -> int:
    """Where the first long row of blanks and tabs begins; -1 if there is none."""
    return lines.replace(b"\t", b" ").find(BLANKS)
