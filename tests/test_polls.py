"""Which descriptors are watched, for what, and who listens? Asked of every poll."""

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Int, Interest, Ready
from minirt.core import epoll, selector
from minirt.core.callbacks import Listener, ignore
from minirt.core.polls import Poll, Watch
from minirt.core.selector import SelectorPoll
from minirt.errors import NotPollable
from tests.interrupts import split_at
from tests.polls import IN_USE, POLLS, Kept, heard, listeners, sleeps, told

READ, WRITE = Interest.READABLE, Interest.WRITABLE
BOTH = READ | WRITE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=list(POLLS))
def poll(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Poll]:
    poll = POLLS[request.param]()
    yield poll
    poll.close()


@pytest.fixture(params=list(IN_USE))
def poll_in_use(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Poll]:
    poll = IN_USE[request.param]()
    yield poll
    poll.close()


def lost(poll: Poll) -> list[int]:
    """The same, after a look for closed descriptors."""
    poll.find_losses()
    return told(poll)


# Who listens to what


def test_who_listens_to_a_readable_descriptor_is_told(poll: Poll, pair: Pair) -> None:
    (seven,) = listeners(7)
    assert poll.watch(pair[0], READ, seven) == set()
    assert poll.poll(0) == []
    pair[1].send(b"x")
    assert poll.poll(None) == [(seven, Int(Ready.READABLE))]
    assert poll.look() == [(seven, Int(Ready.READABLE))]  # level-triggered: as long as it is so
    pair[0].recv(1)
    assert poll.poll(0) == []


def test_both_interests_of_one_listener_are_one_event(poll: Poll, pair: Pair) -> None:
    (seven,) = listeners(7)
    poll.watch(pair[0], BOTH, seven)
    assert heard(poll) == [(7, Int(Ready.WRITABLE))]
    pair[1].send(b"x")
    assert heard(poll) == [(7, Int(Ready.READABLE | Ready.WRITABLE))]


def test_each_interest_may_have_a_listener_of_its_own(poll: Poll, pair: Pair) -> None:
    one, two = listeners(1, 2)
    poll.watch(pair[0], READ, one)
    poll.watch(pair[0], WRITE, two)
    pair[1].send(b"x")
    assert heard(poll) == [(1, Int(Ready.READABLE)), (2, Int(Ready.WRITABLE))]
    assert poll.unwatch(pair[0], READ) == {one}
    assert heard(poll) == [(2, Int(Ready.WRITABLE))]
    assert two.watches and not one.watches
    assert poll.unwatch(pair[0]) == {two}
    assert poll.poll(0) == []
    assert poll.watched == {} and not two.watches


def test_watching_again_replaces_who_listened(poll: Poll, pair: Pair) -> None:
    one, two, three = listeners(1, 2, 3)
    poll.watch(pair[0], READ, one)
    assert poll.watch(pair[0], READ, two) == {one}
    assert poll.watch(pair[0], READ, two) == set()  # the same once more: nobody goes
    pair[1].send(b"x")
    assert heard(poll) == [(2, Int(Ready.READABLE))]
    assert poll.watch(pair[0], WRITE, three) == set()
    assert poll.watch(pair[0], BOTH, one) == {two, three}
    assert heard(poll) == [(1, Int(Ready.READABLE | Ready.WRITABLE))]
    assert not two.watches and not three.watches


def test_a_listener_that_keeps_one_of_its_interests_has_not_gone(poll: Poll, pair: Pair) -> None:
    one, two = listeners(1, 2)
    poll.watch(pair[0], BOTH, one)
    assert poll.watch(pair[0], WRITE, two) == set()
    assert one.watches
    pair[1].send(b"x")
    assert heard(poll) == [(1, Int(Ready.READABLE)), (2, Int(Ready.WRITABLE))]
    assert poll.unwatch(pair[0], READ) == {one}
    assert poll.unwatch(pair[0], READ) == set()


def test_one_of_two_listeners_may_go_alone(poll: Poll, pair: Pair) -> None:
    one, two = listeners(1, 2)
    poll.watch(pair[0], READ, one)
    poll.watch(pair[0], WRITE, two)
    assert poll.unwatch(pair[0], None, two) == {two}
    assert poll.unwatch(pair[0], None, two) == set()
    assert poll.unwatch(pair[0], WRITE, one) == set()  # it listens to the other side
    assert one.watches
    assert poll.unwatch(pair[0], None, one) == {one}
    assert poll.watched == {}


def test_one_listener_may_watch_several_descriptors_and_is_silenced_at_once(
    poll: Poll, pair: Pair
) -> None:
    five, six = listeners(5, 6)
    poll.watch(pair[0], WRITE, five)
    poll.watch(pair[1], WRITE, five)
    poll.watch(pair[1], READ, six)
    assert heard(poll) == [(5, Int(Ready.WRITABLE))] * 2
    poll.silence(five)
    assert poll.poll(0) == [] and not five.watches
    pair[0].send(b"x")
    assert heard(poll) == [(6, Int(Ready.READABLE))]
    poll.silence(five)  # nothing is left: nothing happens


def test_what_nobody_watches_cannot_be_unwatched(poll: Poll, pair: Pair) -> None:
    assert poll.unwatch(pair[0]) == set()
    assert poll.unwatch(pair[0].fileno(), READ) == set()
    poll.watch(pair[0], READ, listeners(1)[0])
    with pytest.raises(ValueError, match="expected an interest"):
        poll.unwatch(pair[0], Interest(0))
    assert len(poll.watched) == 1


def test_the_interest_of_a_watch_are_its_listeners() -> None:
    watch = Watch(3, 3)
    assert (watch.mask, watch.listeners()) == (0, set())
    watch.writer = one = Listener(1, None)
    assert (watch.mask, watch.listeners()) == (WRITE, {one})
    watch.reader = one
    assert (watch.mask, watch.listeners()) == (BOTH, {one})


def test_anybody_may_look_at_some_of_the_watches(poll: Poll, pair: Pair) -> None:
    one, two = listeners(1, 2)
    poll.watch(pair[0], BOTH, one)
    poll.watch(pair[1], WRITE, two)
    first, second = pair[0].fileno(), pair[1].fileno()
    assert poll.first(9) == [(first, 1, "read"), (first, 1, "write"), (second, 2, "write")]
    assert poll.first(1) == [(first, 1, "read"), (first, 1, "write")]


# What is refused, and changes nothing


@pytest.mark.parametrize("interest", [0, 1, Interest(0), "read", None, True])
def test_what_is_no_interest_is_refused(poll: Poll, pair: Pair, interest: Any) -> None:
    (one,) = listeners(1)
    with pytest.raises(ValueError, match="expected an interest"):
        poll.watch(pair[0], interest, one)
    assert poll.watched == {} and not one.watches


@pytest.mark.parametrize("fileobj", [True, None, "1", 1.0, object()])
def test_what_is_no_descriptor_is_refused(poll: Poll, fileobj: Any) -> None:
    with pytest.raises(TypeError, match="expected a descriptor or an object with fileno"):
        poll.watch(fileobj, READ, listeners(1)[0])
    assert poll.watched == {}


def test_a_regular_file_is_not_pollable_and_is_not_watched(poll: Poll, tmp_path: Path) -> None:
    (one,) = listeners(1)
    with (tmp_path / "file").open("w") as file, pytest.raises(NotPollable, match=r"fs\.read"):
        poll.watch(file, WRITE, one)
    assert poll.watched == {} and not one.watches
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(NotPollable):
        poll.watch(folder, READ, one)
    os.close(folder)


def test_a_closed_descriptor_cannot_be_watched(poll: Poll) -> None:
    (one,) = listeners(1)
    closed = socket.socket()
    number = closed.fileno()
    closed.close()
    with pytest.raises(ValueError, match="is closed"):
        poll.watch(closed, READ, one)
    with pytest.raises(OSError, match="Bad file descriptor"):
        poll.watch(number, READ, one)
    file = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    file.close()
    with pytest.raises(ValueError, match="is closed"):
        poll.watch(file, READ, one)
    assert poll.watched == {} and not one.watches


# What was closed while it was watched


@pytest.mark.parametrize("far", [False, True])
def test_a_number_is_as_good_as_an_object(poll: Poll, pair: Pair, far: bool) -> None:
    number = pair[0].fileno()
    copy = os.dup2(number, 700) if far else number  # Python keeps one object for each small number
    (one,) = listeners(1)
    poll.watch(copy, WRITE, one)
    assert heard(poll) == [(1, Int(Ready.WRITABLE))]
    assert poll.unwatch(int(str(copy)) if far else pair[0]) == {one}
    assert poll.watched == {}
    if far:
        os.close(copy)


def test_a_descriptor_is_known_by_what_it_was_watched_as_last(poll: Poll) -> None:
    one, other = socket.socketpair()
    reader, writer = listeners(1, 2)
    with other:
        poll.watch(one.fileno(), READ, reader)
        poll.watch(one, WRITE, writer)
        one.close()
        assert poll.unwatch(one) == {reader, writer}
        assert poll.watched == {} and lost(poll) == []


@pytest.mark.parametrize("far", [False, True])
def test_a_number_closed_before_nobody_listens_is_still_known(poll: Poll, far: bool) -> None:
    one, other = socket.socketpair()
    number = os.dup2(one.fileno(), 700) if far else one.detach()
    (seven,) = listeners(7)
    poll.watch(number, READ, seven)
    os.close(number)
    assert poll.unwatch(int(str(number))) == {seven}
    assert poll.watched == {} and lost(poll) == []
    for each in (one, other):
        each.close()


def test_a_socket_closed_before_nobody_listens_is_still_known(poll: Poll) -> None:
    one, other = socket.socketpair()
    (seven,) = listeners(7)
    with other:
        poll.watch(one, READ, seven)
        one.close()
        assert poll.unwatch(one) == {seven}
        assert poll.watched == {} and not seven.watches
        assert poll.unwatch(one) == set()
        assert lost(poll) == []


def test_a_file_closed_before_nobody_listens_is_still_known(poll: Poll) -> None:
    read_end, write_end = os.pipe()
    file = os.fdopen(read_end, "rb")
    (seven,) = listeners(7)
    poll.watch(file, READ, seven)
    file.close()
    assert poll.unwatch(file) == {seven}
    os.close(write_end)
    assert poll.watched == {}


def test_a_closed_one_among_many_is_found_without_a_search(poll: Poll) -> None:
    class Unlooked(dict[int, Watch]):
        def values(self) -> Any:
            raise AssertionError("each of the watches was looked at")

    one, other = socket.socketpair()
    (seven,) = listeners(7)
    with other:
        poll.watch(one, READ, seven)
        poll.watched = Unlooked(poll.watched)
        one.close()
        assert poll.unwatch(one) == {seven}
        poll.watched = {}


@pytest.mark.parametrize("by", ["listener", "interest"])
def test_of_two_listeners_to_a_closed_descriptor_the_other_one_is_told(
    poll_in_use: Poll, by: str
) -> None:
    poll = poll_in_use
    one, other = socket.socketpair()
    reader, writer = listeners(1, 2)
    with other:
        poll.watch(one, READ, reader)
        poll.watch(one, WRITE, writer)
        one.close()
        if by == "listener":
            poll.silence(reader)
        else:
            assert poll.unwatch(one, READ) == {reader}
        poll.poll(0)
        assert lost(poll) == [2]
        assert lost(poll) == []
        assert poll.watched == {} and not writer.watches and not reader.watches


def test_who_lost_a_descriptor_is_told_once_and_the_others_never(poll: Poll, pair: Pair) -> None:
    one, other = socket.socketpair()
    read_end, write_end = os.pipe()
    file = os.fdopen(read_end, "rb")
    number = os.dup(write_end)
    for fileobj, interest, listener in zip(
        (one, file, number, pair[0]),
        (READ, READ, WRITE, READ),
        listeners(1, 2, 3, 4),
        strict=True,
    ):
        poll.watch(fileobj, interest, listener)
    one.close()
    other.close()
    file.close()
    os.close(number)
    os.close(write_end)
    assert sorted(lost(poll)) == [1, 2, 3]
    assert lost(poll) == []
    pair[1].send(b"x")
    assert heard(poll) == [(4, Int(Ready.READABLE))]


def test_a_listener_to_both_sides_loses_them_in_one_event(poll: Poll) -> None:
    one, other = socket.socketpair()
    poll.watch(one, BOTH, listeners(7)[0])
    one.close()
    other.close()
    assert lost(poll) == [7]


def test_the_number_of_a_closed_socket_may_be_watched_anew(poll: Poll) -> None:
    one, other = socket.socketpair()
    number = one.fileno()
    old, new = listeners(1, 2)
    poll.watch(one, READ, old)
    one.close()
    other.close()
    again, far = socket.socketpair()
    assert again.fileno() == number
    with again, far:
        assert poll.watch(again, READ, new) == set()
        far.send(b"x")
        assert heard(poll) == [(2, Int(Ready.READABLE))]
        assert lost(poll) == [1]
        poll.unwatch(again)


@pytest.mark.parametrize("fileobj", ["number", "file"])
def test_a_number_that_a_new_pipe_has_may_be_watched_anew(poll_in_use: Poll, fileobj: str) -> None:
    """R14: what was registered by its number was taken for the same file for ever."""
    poll = poll_in_use
    old, new = listeners(1, 2)
    first = os.pipe()
    poll.watch(first[0], READ, old)
    for number in first:
        os.close(number)
    second = os.pipe()
    assert second == first
    file = os.fdopen(second[0], "rb", closefd=False)
    assert poll.watch(file if fileobj == "file" else second[0], READ, new) == set()
    os.write(second[1], b"x")
    assert heard(poll) == [(2, Int(Ready.READABLE))]
    assert lost(poll) == [1]
    assert poll.unwatch(second[0]) == {new}
    for number in second:
        os.close(number)


def test_to_unwatch_a_new_file_is_not_to_unwatch_the_old_one_with_its_number(
    poll_in_use: Poll,
) -> None:
    poll = poll_in_use
    one, other = socket.socketpair()
    (old,) = listeners(1)
    poll.watch(one, READ, old)
    one.close()
    other.close()
    again, far = socket.socketpair()
    with again, far:
        assert poll.unwatch(again) == set()
    assert lost(poll) == [1]


# A closed file that a copy keeps: to epoll it is open, under a number that may be another's


def test_the_new_owner_of_its_number_hears_nothing_of_it(poll_in_use: Poll) -> None:
    """R14: the new owner's callback ran 14,000 to 85,000 times a second for nothing."""
    poll = poll_in_use
    old, new = listeners(1, 2)
    kept = Kept()
    poll.watch(kept.socket, READ, old)
    number = kept.close()
    poll.unwatch(kept.socket)
    again, far = socket.socketpair()
    with again, far:
        assert again.fileno() == number
        poll.watch(again, READ, new)
        assert poll.poll(0) == []
        assert sleeps(poll)
        far.send(b"x")
        assert heard(poll) == [(2, Int(Ready.READABLE))]


def test_nor_when_nobody_said_that_the_first_owner_was_closed(poll_in_use: Poll) -> None:
    poll = poll_in_use
    old, new = listeners(1, 2)
    kept = Kept()
    poll.watch(kept.socket, READ, old)
    number = kept.close()
    again, far = socket.socketpair()
    with again, far:
        assert again.fileno() == number
        poll.watch(again.fileno(), READ, new)
        assert told(poll) == [1]
        assert sleeps(poll)
        far.send(b"x")
        assert heard(poll) == [(2, Int(Ready.READABLE))]


def test_nor_when_its_number_was_watched_as_a_number(poll_in_use: Poll) -> None:
    poll = poll_in_use
    old, new = listeners(1, 2)
    kept = Kept()
    number = kept.socket.fileno()
    poll.watch(number, READ, old)
    kept.close()
    poll.unwatch(number)
    again, far = socket.socketpair()
    with again, far:
        assert again.fileno() == number
        poll.watch(number, READ, new)
        assert sleeps(poll)
        far.send(b"x")
        assert heard(poll) == [(2, Int(Ready.READABLE))]


# The sleep


def test_hang_up_reaches_whoever_listens(poll: Poll) -> None:
    one, other = socket.socketpair()
    with one:
        poll.watch(one, READ, listeners(1)[0])
        other.close()
        ((identity, readiness),) = heard(poll, None)
        assert identity == 1 and isinstance(readiness, Int)
        assert Ready.READABLE in Ready(readiness.value)
        poll.unwatch(one)


def test_a_poll_with_nothing_to_tell_sleeps_as_long_as_it_may(poll: Poll, pair: Pair) -> None:
    poll.watch(pair[0], READ, listeners(1)[0])
    before = time.monotonic()
    while time.monotonic() - before < 0.02:
        assert poll.poll(before + 0.02 - time.monotonic()) == []
    assert poll.poll(0) == []


@pytest.mark.parametrize("seconds", [86_401.0, 3e6, 2.0**31, 1e300, float("inf")])
def test_a_sleep_may_be_longer_than_the_kernel_can_count(poll: Poll, seconds: float) -> None:
    """R23: it counts milliseconds in an int, which is no business of the caller's."""
    poll.wake()
    assert poll.poll(seconds) == []


def test_any_thread_ends_the_sleep(poll: Poll) -> None:
    threads = [threading.Thread(target=poll.wake) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert poll.poll(None) == []
    for thread in threads:
        thread.join()
    poll.poll(0)
    assert poll.poll(0) == []


@pytest.mark.slow
def test_a_wake_up_before_the_sleep_is_not_lost(poll: Poll) -> None:
    for _ in range(100_000 if isinstance(poll, SelectorPoll) else 3):  # the pair fills up
        poll.wake()
    assert poll.poll(None) == []


def test_a_poll_inside_another_ones_sleep_has_a_descriptor_that_says_when_to_look(
    poll_in_use: Poll, pair: Pair
) -> None:
    number = poll_in_use.fileno()
    if number is None:  # poll() and select() have none
        assert isinstance(poll_in_use, SelectorPoll)
        return
    import select

    poll_in_use.watch(pair[0], READ, listeners(1)[0])
    assert select.select([number], [], [], 0)[0] == []
    poll_in_use.wake()
    assert select.select([number], [], [], 0)[0] == [number]
    assert poll_in_use.look() == []
    pair[1].send(b"x")
    assert select.select([number], [], [], 0)[0] == [number]


# The end


def test_after_the_end_nobody_listens_and_nothing_is_kept(poll: Poll, pair: Pair) -> None:
    one, two = Listener(1, ignore), Listener(2, ignore)
    gone = socket.socket()
    poll.watch(pair[0], BOTH, one)
    poll.watch(gone, READ, two)
    gone.close()
    poll.find_losses()
    poll.close()
    assert one.callback is None and not one.watches
    assert poll.watched == {} and not poll.losses and poll.unwatch(pair[0]) == set()
    assert pair[0].fileno() >= 0  # it is the program's, and stays open


def test_a_wake_up_or_a_fork_after_the_end_does_nothing(poll: Poll) -> None:
    poll.close()
    poll.wake()
    poll.after_fork()
    poll.wake()
    poll.close()


@pytest.mark.parametrize("name", list(POLLS))
def test_a_wake_up_in_the_middle_of_the_end_or_of_a_fork_does_nothing(name: str) -> None:
    """A thread, or a signal's handler, that calls while the loop closes, on whatever line."""
    for act in ("close", "after_fork"):
        for line in itertools.count(1):
            poll = POLLS[name]()
            called = split_at(line, getattr(poll, act), [epoll, selector, socket], poll.wake)
            poll.close()
            if not called:
                break
        assert line > 3


@pytest.mark.parametrize("name", list(POLLS))
def test_an_end_that_is_interrupted_can_be_ended_and_leaves_nothing_open(
    name: str, no_leaks: None
) -> None:
    for line in itertools.count(1):
        poll = POLLS[name]()
        called = split_at(line, poll.close, [epoll, selector])
        poll.wake()
        poll.close()
        if not called:
            break
    assert line > 3


def test_a_poll_that_is_forgotten_gives_its_descriptors_back(no_leaks: None) -> None:
    for make in POLLS.values():
        make()


# Any history


Step = tuple[str, int, int, Interest]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["watch", "watch", "unwatch", "only", "silence", "send", "recv"]),
        st.integers(0, 1),
        st.integers(1, 3),
        st.sampled_from([READ, WRITE, BOTH]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", list(POLLS))
@given(steps=STEPS)
@settings(max_examples=60)
def test_no_history_separates_a_poll_from_a_model(name: str, steps: list[Step]) -> None:
    """The model: {(socket, side): listener}. After each step the answers are what it says."""
    poll = POLLS[name]()
    sockets = socket.socketpair()
    everybody = listeners(0, 1, 2, 3)
    model: dict[tuple[int, Interest], Listener] = {}
    unread = [0, 0]
    for step, at, number, interest in steps:
        listener, before = everybody[number], listening(model, at)
        sides = [(at, side) for side in (READ, WRITE) if side & interest]
        if step == "watch":
            gone = poll.watch(sockets[at], interest, listener)
            model.update(dict.fromkeys(sides, listener))
            assert gone == before - listening(model, at)
        elif step in ("unwatch", "only"):
            only = listener if step == "only" else None
            gone = poll.unwatch(sockets[at], interest, only)
            for side in sides:
                if only in (None, model.get(side)):
                    model.pop(side, None)
            assert gone == before - listening(model, at)
        elif step == "silence":
            poll.silence(listener)
            model = {side: other for side, other in model.items() if other is not listener}
        elif step == "send" and unread[at] < 9:
            sockets[1 - at].send(b"x")
            unread[at] += 1
        elif step == "recv" and unread[at]:
            sockets[at].recv(1)
            unread[at] -= 1
        check_answers(poll, model, unread)
        for one in everybody:
            watched = {each.number for each in one.watches if isinstance(each, Watch)}
            assert watched == {sockets[at].fileno() for at in (0, 1) if one in listening(model, at)}
    poll.close()
    for each in sockets:
        each.close()


def listening(model: dict[tuple[int, Interest], Listener], at: int) -> set[Listener]:
    return {listener for (where, _), listener in model.items() if where == at}


def check_answers(
    poll: Poll, model: dict[tuple[int, Interest], Listener], unread: list[int]
) -> None:
    expected: dict[tuple[int, int], int] = {}
    for (at, side), listener in model.items():
        if side == WRITE or unread[at]:
            place = at, listener.identity
            expected[place] = expected.get(place, 0) | int(side)
    assert sorted(
        (identity, readiness.into_int() or 0) for identity, readiness in heard(poll)
    ) == sorted((identity, bits) for (_, identity), bits in expected.items())
    assert len(poll.watched) == len({at for at, _ in model})
