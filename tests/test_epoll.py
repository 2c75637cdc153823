"""Which descriptors are ready, and how does the loop sleep until one is?"""

import os
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt import Int, Interest, Ready, Runtime
from minirt.core.epoll import EpollPoll, Poll, SelectorPoll, Watch, epoll_mask, ready_bits
from minirt.errors import AlreadyRegistered, DescriptorClosed, NotPollable, NotRegistered
from minirt.core.system import RealSystem
from minirt.values import Error, Js

READ, WRITE = Interest.READABLE, Interest.WRITABLE
BOTH = READ | WRITE

POLLS: dict[str, Callable[[], Poll]] = {
    "poll": lambda: SelectorPoll(selectors.PollSelector),
    "default": SelectorPoll,
}
if hasattr(select, "epoll"):
    POLLS["epoll"] = EpollPoll
    POLLS["epoll beyond select"] = lambda: beyond_select(EpollPoll())
needs_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")


def beyond_select(poll: EpollPoll) -> EpollPoll:
    """As it is when its own descriptor is too large for select()."""
    poll._can_select = False
    return poll


@pytest.fixture(params=list(POLLS))
def poll(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[Poll]:
    poll = POLLS[request.param]()
    yield poll
    poll.close()


@pytest.fixture
def pair(no_leaks: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


Pair = tuple[socket.socket, socket.socket]


def test_a_readable_descriptor_is_told_with_its_token(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 7, READ)
    assert poll.poll(0) == []
    pair[1].send(b"x")
    assert poll.poll(None) == [(7, Int(Ready.READABLE))]
    assert poll.look() == [(7, Int(Ready.READABLE))]  # level-triggered: as long as it is so
    pair[0].recv(1)
    assert poll.poll(0) == []


def test_both_interests_with_one_token_are_one_event(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 7, BOTH)
    assert poll.poll(0) == [(7, Int(Ready.WRITABLE))]
    pair[1].send(b"x")
    assert poll.poll(0) == [(7, Int(Ready.READABLE | Ready.WRITABLE))]


def test_each_interest_may_have_a_token_of_its_own(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 1, READ)
    poll.register(pair[0], 2, WRITE)
    pair[1].send(b"x")
    assert poll.poll(0) == [(1, Int(Ready.READABLE)), (2, Int(Ready.WRITABLE))]
    poll.deregister(pair[0], 1)
    assert poll.poll(0) == [(2, Int(Ready.WRITABLE))]
    assert poll.is_watched(2) and not poll.is_watched(1)
    poll.deregister(pair[0], 2)
    assert poll.poll(0) == []
    assert poll.watched == {}


def test_modify_changes_what_one_token_is_told(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 1, READ)
    poll.modify(pair[0], 1, WRITE)
    pair[1].send(b"x")
    assert poll.poll(0) == [(1, Int(Ready.WRITABLE))]
    poll.register(pair[0], 2, READ)
    with pytest.raises(AlreadyRegistered):
        poll.modify(pair[0], 1, BOTH)
    with pytest.raises(AlreadyRegistered):
        poll.modify(pair[0], 2, WRITE)
    with pytest.raises(NotRegistered, match="not registered"):
        poll.modify(pair[0], 3, READ)
    assert poll.poll(0) == [(2, Int(Ready.READABLE)), (1, Int(Ready.WRITABLE))]


def test_one_token_may_watch_several_descriptors(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 5, WRITE)
    poll.register(pair[1], 5, WRITE)
    assert poll.poll(0) == [(5, Int(Ready.WRITABLE))] * 2
    poll.deregister_token(5)
    assert poll.poll(0) == []
    poll.deregister_token(5)  # nothing was: nothing happens


def test_a_second_registration_of_one_interest_is_refused(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 1, READ)
    with pytest.raises(AlreadyRegistered, match=r"Use modify\(\)"):
        poll.register(pair[0], 2, BOTH)
    assert not poll.is_watched(2)
    assert poll.poll(0) == []


def test_what_is_not_registered_cannot_be_deregistered(poll: Poll, pair: Pair) -> None:
    with pytest.raises(NotRegistered) as caught:
        poll.deregister(pair[0])
    assert "Call register" in str(caught.value) and not str(caught.value).startswith('"')
    poll.register(pair[0], 1, READ)
    with pytest.raises(NotRegistered):
        poll.deregister(pair[0], 2)
    poll.deregister(pair[0])
    assert not poll.is_watched(1)


@pytest.mark.parametrize("interest", [0, 1, Interest(0), "read", None])
def test_what_is_no_interest_is_refused(poll: Poll, pair: Pair, interest: Any) -> None:
    with pytest.raises(ValueError, match="is no interest"):
        poll.register(pair[0], 1, interest)
    assert poll.watched == {} and not poll.is_watched(1)


def test_a_regular_file_is_not_pollable_and_does_not_stay_registered(
    poll: Poll, tmp_path: Path
) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(NotPollable, match=r"fs\.read"):
        poll.register(file, 1, WRITE)
    assert poll.watched == {} and not poll.is_watched(1)


def test_a_closed_descriptor_cannot_be_registered(poll: Poll) -> None:
    closed = socket.socket()
    number = closed.fileno()
    closed.close()
    with pytest.raises(ValueError, match="is closed"):
        poll.register(closed, 1, READ)
    with pytest.raises(OSError, match="Bad file descriptor"):
        poll.register(number, 1, READ)
    file = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    file.close()
    with pytest.raises(ValueError, match="is closed"):
        poll.register(file, 1, READ)
    assert poll.watched == {}


def test_a_number_is_as_good_as_an_object(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0].fileno(), 1, WRITE)
    assert poll.poll(0) == [(1, Int(Ready.WRITABLE))]
    poll.deregister(pair[0])
    assert poll.watched == {}


def test_a_socket_closed_before_its_deregistration_is_still_known(poll: Poll) -> None:
    one, other = socket.socketpair()
    with other:
        poll.register(one, 1, READ)
        one.close()
        poll.deregister(one)
        assert poll.watched == {} and not poll.is_watched(1)
        with pytest.raises(NotRegistered):
            poll.deregister(one)


def test_a_file_closed_before_its_deregistration_is_still_known(poll: Poll) -> None:
    read_end, write_end = os.pipe()
    file = os.fdopen(read_end, "rb")
    poll.register(file, 1, READ)
    file.close()
    poll.deregister(file)
    os.close(write_end)
    assert poll.watched == {}


def test_of_two_tokens_on_a_closed_descriptor_the_other_one_is_still_told(poll: Poll) -> None:
    one, other = socket.socketpair()
    with other:
        poll.register(one, 1, READ)
        poll.register(one, 2, WRITE)
        one.close()
        poll.deregister_token(1)
        assert poll.is_watched(2) and not poll.is_watched(1)
        assert poll.stale_tokens() == [2]
        assert poll.stale_tokens() == []
        assert poll.descriptors == {} and poll.watched == {}


def test_stale_tokens_are_told_once_and_open_ones_never(poll: Poll, pair: Pair) -> None:
    one, other = socket.socketpair()
    read_end, write_end = os.pipe()
    file = os.fdopen(read_end, "rb")
    number = os.dup(write_end)
    poll.register(one, 1, READ)
    poll.register(file, 2, READ)
    poll.register(number, 3, WRITE)
    poll.register(pair[0], 4, READ)
    one.close()
    other.close()
    file.close()
    os.close(number)
    os.close(write_end)
    assert sorted(poll.stale_tokens()) == [1, 2, 3]
    assert poll.stale_tokens() == []
    pair[1].send(b"x")
    assert poll.poll(0) == [(4, Int(Ready.READABLE))]


def test_the_number_of_a_closed_descriptor_may_be_registered_anew(poll: Poll) -> None:
    one, other = socket.socketpair()
    number = one.fileno()
    poll.register(one, 1, READ)
    one.close()
    other.close()
    again, far = socket.socketpair()
    assert again.fileno() == number
    with again, far:
        poll.register(again, 2, READ)
        far.send(b"x")
        assert poll.poll(0) == [(2, Int(Ready.READABLE))]
        assert poll.stale_tokens() == [1]
        poll.deregister(again)


def test_hang_up_reaches_whoever_watches(poll: Poll) -> None:
    one, other = socket.socketpair()
    with one:
        poll.register(one, 1, READ)
        other.close()
        ((token, readiness),) = poll.poll(None)
        assert token == 1
        assert Ready.READABLE in Ready(readiness.value)
        poll.deregister(one)


@needs_epoll
def test_hang_up_and_error_come_unasked_and_to_both_tokens() -> None:
    poll = EpollPoll()
    one, other = socket.socketpair()
    with one:
        poll.register(one, 1, READ)
        poll.register(one, 2, WRITE)
        other.close()
        events = dict(poll.poll(None))
    poll.close()
    assert Ready(events[1].value) == Ready.READABLE | Ready.HANGUP
    assert Ready(events[2].value) == Ready.WRITABLE | Ready.HANGUP


@needs_epoll
def test_the_error_of_a_refused_connection_reaches_the_writer() -> None:
    poll = EpollPoll()
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(address)
        poll.register(client, 1, WRITE)
        ((_, readiness),) = poll.poll(5)
    poll.close()
    assert Ready.ERROR in Ready(readiness.value)


@needs_epoll
def test_the_bits_of_epoll_become_those_of_ready() -> None:
    assert epoll_mask(BOTH) == select.EPOLLIN | select.EPOLLOUT
    assert epoll_mask(WRITE) == select.EPOLLOUT
    assert ready_bits(select.EPOLLPRI) == Ready.READABLE
    assert ready_bits(select.EPOLLRDHUP) == Ready.HANGUP
    assert ready_bits(select.EPOLLERR | select.EPOLLOUT) == Ready.ERROR | Ready.WRITABLE
    assert Watch(3, None, 1).interest == WRITE
    assert Watch(3, 1, 1).interest == BOTH


@needs_epoll
def test_a_closed_descriptor_of_which_a_copy_is_open_is_left_behind(pair: Pair) -> None:
    """epoll goes on reporting it, under a number that is closed: the loop would spin for ever."""
    poll = EpollPoll()
    one, other = socket.socketpair()
    other.send(b"x")
    poll.register(pair[0], 2, READ)
    poll.register(one, 1, READ)
    copy = one.dup()
    one.close()
    assert poll.poll(0) == [(1, Int(Ready.READABLE))]
    poll.deregister_token(1)
    poll.poll(0)
    before = time.monotonic()
    assert poll.poll(0.02) == []
    assert time.monotonic() - before >= 0.02
    pair[1].send(b"x")
    assert poll.poll(1) == [(2, Int(Ready.READABLE))]
    thread = threading.Thread(target=poll.wake)
    poll.deregister_token(2)
    thread.start()
    assert poll.poll(None) == []
    thread.join()
    poll.close()
    copy.close()
    other.close()


def test_a_poll_with_nothing_to_tell_sleeps_as_long_as_it_may(poll: Poll, pair: Pair) -> None:
    poll.register(pair[0], 1, READ)
    before = time.monotonic()
    while time.monotonic() - before < 0.02:
        assert poll.poll(before + 0.02 - time.monotonic()) == []
    assert poll.poll(0) == []


def test_any_thread_ends_the_sleep(poll: Poll) -> None:
    threads = [threading.Thread(target=poll.wake) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert poll.poll(None) == []
    for thread in threads:
        thread.join()
    poll.poll(0)
    assert poll.poll(0) == []


def test_a_wake_up_before_the_sleep_is_not_lost(poll: Poll) -> None:
    for _ in range(100_000 if isinstance(poll, SelectorPoll) else 3):  # the pair fills up
        poll.wake()
    assert poll.poll(None) == []


def test_a_wake_up_after_the_close_does_nothing(poll: Poll) -> None:
    poll.close()
    poll.wake()
    poll.after_fork()
    poll.wake()
    poll.close()


def test_a_poll_that_is_forgotten_gives_its_descriptors_back(no_leaks: None) -> None:
    for make in POLLS.values():
        make()


def test_what_cannot_be_opened_leaves_nothing_open(
    no_leaks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no descriptors left")

    if hasattr(os, "eventfd"):
        monkeypatch.setattr(os, "eventfd", fails)
        with pytest.raises(OSError, match="no descriptors left"):
            EpollPoll()
    with pytest.raises(OSError, match="no descriptors left"):
        SelectorPoll(fails)  # type: ignore[arg-type]


Step = tuple[str, int, int, Interest]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["register", "register", "modify", "deregister", "token", "send", "recv"]),
        st.integers(0, 1),
        st.integers(1, 3),
        st.sampled_from([READ, WRITE, BOTH]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", list(POLLS))
@given(steps=STEPS)
@settings(max_examples=60)
def test_no_history_separates_the_registrator_from_a_model(  # noqa: C901 (a step a branch)
    name: str, steps: list[Step]
) -> None:
    """The model: {(socket, side): token}. After each step the answers are what it says."""
    poll = POLLS[name]()
    sockets = socket.socketpair()
    model: dict[tuple[int, Interest], int] = {}
    unread = [0, 0]
    for step, at, token, interest in steps:
        sides = [side for side in (READ, WRITE) if side & interest]
        mine = [key for key in model if key[0] == at and model[key] == token]
        if step == "register":
            if any((at, side) in model for side in sides):
                with pytest.raises(AlreadyRegistered):
                    poll.register(sockets[at], token, interest)
            else:
                poll.register(sockets[at], token, interest)
                model.update({(at, side): token for side in sides})
        elif step == "modify":
            if not mine:
                expected: type[Exception] | None = NotRegistered
            elif any(model.get((at, side), token) != token for side in sides):
                expected = AlreadyRegistered
            else:
                expected = None
            if expected is None:
                poll.modify(sockets[at], token, interest)
                for key in mine:
                    del model[key]
                model.update({(at, side): token for side in sides})
            else:
                with pytest.raises(expected):
                    poll.modify(sockets[at], token, interest)
        elif step == "deregister":
            if mine:
                poll.deregister(sockets[at], token)
                for key in mine:
                    del model[key]
            else:
                with pytest.raises(NotRegistered):
                    poll.deregister(sockets[at], token)
        elif step == "token":
            poll.deregister_token(token)
            model = {key: other for key, other in model.items() if other != token}
        elif step == "send" and unread[at] < 9:
            sockets[1 - at].send(b"x")
            unread[at] += 1
        elif step == "recv" and unread[at]:
            sockets[at].recv(1)
            unread[at] -= 1
        check_answers(poll, model, unread)
    poll.close()
    for each in sockets:
        each.close()


def check_answers(poll: Poll, model: dict[tuple[int, Interest], int], unread: list[int]) -> None:
    expected: dict[tuple[int, int], int] = {}
    for (at, side), token in model.items():
        if side == WRITE or unread[at]:
            expected[at, token] = expected.get((at, token), 0) | int(side)
    answers = sorted((token, readiness.value) for token, readiness in poll.poll(0))
    assert answers == sorted((token, bits) for (_, token), bits in expected.items())
    tokens = set(model.values())
    assert {token for token in (1, 2, 3) if poll.is_watched(token)} == tokens
    assert poll.orphans.isdisjoint(tokens)


# On a runtime


SYSTEMS = {name: make for name, make in POLLS.items() if name != "epoll beyond select"}


@pytest.fixture(params=list(SYSTEMS))
def rt(request: pytest.FixtureRequest, no_leaks: None) -> Runtime:
    return Runtime(system=RealSystem(poll=SYSTEMS[request.param]))


def watch(
    rt: Runtime, fileobj: Any, cb: Callable[[Js], object], interest: Interest = READ, **options: Any
) -> int:
    token = rt.generate_cb_identity()
    rt.epoll_registrator.register(fileobj, token, interest)
    rt.register_event_epoll(token, cb, **options)
    return token


def test_a_one_shot_event_is_told_once_and_leaves_nothing(rt: Runtime, pair: Pair) -> None:
    log: list[Js] = []

    def main() -> None:
        pair[1].send(b"unread")
        token = watch(rt, pair[0], log.append)
        assert rt.epoll_pending_events == rt.pending_events == 1
        rt.set_timeout(5, lambda _: log.append(Int(int(rt.poll.is_watched(token)))))

    rt.run(main)
    assert log == [Int(Ready.READABLE), Int(0)]
    assert rt.epoll_pending_events == 0


def test_a_one_shot_event_may_be_registered_again_in_its_callback(rt: Runtime, pair: Pair) -> None:
    log: list[bytes] = []
    pair[1].send(b"abc")

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) < 3:
            rt.register_event_epoll(9, ready)
            rt.epoll_registrator.register(pair[0], 9, READ)

    def main() -> None:
        rt.epoll_registrator.register(pair[0], 9, READ)
        rt.register_event_epoll(9, ready)

    rt.run(main)
    assert log == [b"a", b"b", b"c"]


def test_a_persistent_event_stays_until_it_is_deregistered(rt: Runtime, pair: Pair) -> None:
    log: list[bytes] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) == 3:
            rt.deregister_event_epoll(token)
            rt.deregister_event_epoll(token)  # nothing is left: nothing happens

    def main() -> None:
        nonlocal token
        pair[1].send(b"abcd")
        token = watch(rt, pair[0], ready, persistent=True)

    token = 0
    rt.run(main)
    assert log == [b"a", b"b", b"c"]


def test_an_event_whose_interest_was_deregistered_does_not_keep_the_loop_alive(
    rt: Runtime, pair: Pair
) -> None:
    log: list[bytes] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1))
        if len(log) == 2:
            rt.epoll_registrator.deregister(pair[0])

    def main() -> None:
        pair[1].send(b"abcd")
        watch(rt, pair[0], ready, persistent=True)

    rt.run(main)
    assert log == [b"a", b"b"]


def test_an_interest_that_was_deregistered_may_come_back(rt: Runtime, pair: Pair) -> None:
    """As a socket that is paused and resumed: the callback stays."""
    log: list[str] = []

    def ready(_: Js) -> None:
        log.append(pair[0].recv(1).decode())
        rt.epoll_registrator.deregister(pair[0])
        if len(log) == 1:
            rt.set_timeout(5, resume)

    def resume(_: Js) -> None:
        log.append("resumed")
        rt.epoll_registrator.register(pair[0], token, READ)

    def main() -> None:
        nonlocal token
        pair[1].send(b"abcd")
        token = watch(rt, pair[0], ready, persistent=True)

    token = 0
    rt.run(main)
    assert log == ["a", "resumed", "b"]


def test_a_token_deregistered_in_the_same_batch_is_passed_over(rt: Runtime, pair: Pair) -> None:
    log: list[str] = []
    tokens: dict[str, int] = {}
    other = {"a": "b", "b": "a"}

    def ready(name: str) -> None:
        log.append(name)
        rt.epoll_registrator.deregister(pair[0 if other[name] == "a" else 1])
        rt.deregister_event_epoll(tokens[name])

    def main() -> None:
        for at, name in enumerate("ab"):
            tokens[name] = watch(
                rt,
                pair[at],
                lambda _, n=name: ready(n),
                WRITE,
                persistent=True,  # type: ignore[misc]
            )

    rt.run(main)
    assert len(log) == 1


def test_a_replaced_callback_never_runs_again(rt: Runtime, pair: Pair) -> None:
    log: list[str] = []
    tokens: list[int] = []

    def old(_: Js) -> None:
        log.append("old")

    def new(_: Js) -> None:
        log.append("new")
        rt.deregister_event_epoll(tokens[2])

    def first(_: Js) -> None:
        rt.deregister_event_epoll(tokens[0])
        rt.deregister_event_epoll(tokens[1])
        tokens.append(watch(rt, pair[1], new, WRITE, persistent=True))

    def main() -> None:
        tokens.append(watch(rt, pair[0], first, WRITE, persistent=True))
        tokens.append(watch(rt, pair[1], old, WRITE, persistent=True))

    rt.run(main)
    assert log[-1] == "new"
    assert log.count("new") == 1
    assert log in (["new"], ["old", "new"])


def test_a_ready_descriptor_without_a_callback_does_not_spin(rt: Runtime, pair: Pair) -> None:
    def main() -> None:
        rt.epoll_registrator.register(pair[0], 5, WRITE)
        rt.set_timeout(20, lambda _: None)

    rt.run(main)
    assert rt.ticks < 20


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", ["socket", "file", "number"])
def test_a_descriptor_closed_under_the_loop_reaches_its_callback_as_an_error(
    rt: Runtime, persistent: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.03)
    log: list[Js] = []
    read_end, write_end = os.pipe()
    one, other = socket.socketpair()
    file = os.fdopen(read_end, "rb")
    watched = {"socket": one, "file": file, "number": file.fileno()}[kind]

    def main() -> None:
        watch(rt, watched, log.append, persistent=persistent)
        rt.set_timeout(5, lambda _: (one.close(), file.close()))

    rt.run(main)
    other.close()
    os.close(write_end)
    (value,) = log
    with pytest.raises(DescriptorClosed, match=r"deregister\(fileobj\) before"):
        value.into_int()


@pytest.mark.parametrize("every", [None, 300])
def test_it_is_noticed_also_after_a_quiet_second_and_between_timers(
    every: int | None, no_leaks: None
) -> None:
    """In simulated time, with a descriptor that a simulation knows."""
    from minirt import Simulation

    simulation = Simulation()
    simulation.add_peer("peer", 1, lambda received: None)
    rt = Runtime(system=simulation)
    log: list[tuple[float, Js]] = []

    def main() -> None:
        connection = simulation.connect("peer", 1)
        watch(rt, connection, lambda value: told(value))
        rt.set_timeout(5000, lambda _: connection.close())
        if every:
            interval.append(rt.set_interval(every, lambda _: None))

    def told(value: Js) -> None:
        log.append((rt.clock.now(), value))
        for each in interval:
            each.cancel()

    interval: list[Any] = []
    rt.run(main)
    ((at, value),) = log
    assert isinstance(value, Error)
    assert 5.0 <= at <= 6.5


def test_a_socket_closed_and_its_number_taken_by_another_is_told_as_well(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minirt.core.loop.QUIET", 0.03)
    log: list[Js] = []
    one, other = socket.socketpair()
    later: list[socket.socket] = []

    def main() -> None:
        watch(rt, one, log.append)
        rt.set_timeout(5, swap)

    def swap(_: Js) -> None:
        one.close()
        again, far = socket.socketpair()
        later.extend([again, far])
        token = watch(rt, again, lambda _: None)
        rt.set_timeout(100, lambda _: rt.deregister_event_epoll(token))

    rt.run(main)
    for each in (other, *later):
        each.close()
    assert [type(value) for value in log] == [Error]
