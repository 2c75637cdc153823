"""The main example: which order do these nine events come in?

Two reads of a file with a third inside the second, a number computed from the first, two timers of
zero, one of a second, one of three with another inside, and a web call that takes two seconds.
Everything overlaps, so that it ends after three and a half seconds.
"""

from pathlib import Path

from minirt.modules import crypto, fs, http
from minirt.node.ambient import log, set_timeout
from minirt.values import Js

NOTES = Path(__file__).with_name("notes.txt")  # 39 characters: the 39th Fibonacci number follows


def main(path: Path | str = NOTES) -> None:
    """Register everything, and return at once. Call it inside a runtime: Runtime().run(main)."""
    log(f"Ask for a first read of {Path(path).name}")
    fs.read(path, first_read, delay=1.0)

    log("Ask for two timers of 0 ms")
    set_timeout(0, lambda _: log("Immediate1: a timer of 0 ms is over"))
    set_timeout(0, lambda _: log("Immediate2: the other one is over, too"))

    log("Ask for a second read")
    fs.read(path, lambda result: second_read(path, result), delay=1.0)

    log("Ask for a timer of 3000 ms and one of 1000 ms")
    set_timeout(3000, three_seconds)
    set_timeout(1000, lambda _: log("SETTIMEOUT: 1000 ms are over"))

    log("Ask for a web page that takes 2000 ms")
    http.get_slow("http://www.example.com/", 2000, web_page)


def first_read(result: Js) -> None:
    """Count the characters, and let the pool compute a number from the count."""
    text = result.into_string() or ""
    log(f"The first read brought {len(text)} characters; ask for a number made of that")
    crypto.encrypt(len(text), lambda number: log(f'The "encrypted" number is {number.into_int()}'))


def second_read(path: Path | str, result: Js) -> None:
    """Read once more: this one starts only now."""
    text = result.into_string() or ""
    log(f"The second read brought {len(text)} characters; ask for a third read")
    fs.read(path, lambda again: log(f"The third read says: {again.into_string()}"), delay=1.0)


def three_seconds(_: Js) -> None:
    """A timer that sets a timer."""
    log("3000 ms are over; ask for 500 ms more")
    set_timeout(500, lambda _: log("The nested 500 ms are over"))


def web_page(result: Js) -> None:
    """Print what the server said."""
    log(f"The web page says: {(result.into_string() or '').strip()}")
