"""How does every callback get a name of its own?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt import Runtime, Simulation, Undefined
from minirt.errors import AllIdentitiesTaken, NotAnIdentity
from minirt.identity import IDENTITIES, Identities


def test_identities_count_from_one() -> None:
    identities = Identities(set)
    assert [identities.generate() for _ in range(3)] == [1, 2, 3]
    assert identities.token == 3


def test_after_the_last_identity_comes_zero() -> None:
    identities = Identities(set)
    identities.token = IDENTITIES - 2
    assert [identities.generate() for _ in range(3)] == [IDENTITIES - 1, 0, 1]
    identities.token = IDENTITIES - 1
    assert identities.generate_free() == 0


def test_a_free_identity_is_found_beyond_the_taken_ones_also_across_the_end() -> None:
    taken = {6, 7, 0, 1}
    identities = Identities(lambda: taken, count=8)
    identities.token = 5
    assert identities.generate_free() == 2


def test_when_all_are_taken_it_says_so_instead_of_searching_for_ever() -> None:
    identities = Identities(lambda: set(range(4)), count=4)
    identities.free_below = 0
    with pytest.raises(AllIdentitiesTaken, match="all 4 identities"):
        identities.generate_free()


def test_the_last_free_one_is_found() -> None:
    identities = Identities(lambda: {0, 1, 3}, count=4)
    identities.token = 2
    assert identities.generate_free() == 2


def test_who_is_taken_is_asked_only_where_a_collision_is_possible() -> None:
    asked = []

    def taken() -> set[int]:
        asked.append(1)
        return {50}

    identities = Identities(taken)
    identities.claim(50)
    assert [identities.generate_free() for _ in range(49)] == list(range(1, 50))
    assert not asked
    assert identities.generate_free() == 51
    assert [identities.generate_free() for _ in range(1000)] == list(range(52, 1052))
    assert len(asked) == 1


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["free", "free", "free", "any", "choose", "end", "token"]),
        st.integers(0, 11),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_history_makes_it_give_an_identity_that_is_taken(steps: list[Step]) -> None:
    """Against a naive model of 12 identities: wraps, chosen ones and a count set elsewhere."""
    taken: set[int] = set()
    identities = Identities(lambda: taken, count=12)
    token = 0
    for step, number in steps:
        if step == "free":
            if len(taken) == 12:
                with pytest.raises(AllIdentitiesTaken):
                    identities.generate_free()
                continue
            identity = identities.generate_free()
            token = next(n for k in range(1, 13) if (n := (token + k) % 12) not in taken)
            assert identity == token
            taken.add(identity)
        elif step == "any":
            token = (token + 1) % 12
            assert identities.generate() == token
        elif step == "choose" and number not in taken:
            taken.add(number)
            identities.claim(number)
        elif step == "end":
            taken.discard(number)
        elif step == "token":
            identities.token = token = number
        assert identities.token == token


@given(
    st.lists(st.sampled_from(["timer", "immediate", "callback", "token", "run"]), max_size=40),
    st.randoms(use_true_random=False),
)
def test_a_runtime_never_gives_an_identity_that_waits(steps: list[str], random: object) -> None:
    """Timers, immediates and chosen callbacks, with the count set back again and again."""
    rt = Runtime(system=Simulation())
    waiting: list[int] = []

    def main() -> None:
        for step in steps:
            if step == "timer":
                identity = rt.set_timeout(5, lambda _: None).identity
            elif step == "immediate":
                identity = rt.set_immediate(lambda _: None)
            elif step == "callback":
                identity = next(n for n in range(3, 99) if n not in waiting)
                rt.add_callback(identity, lambda _: None)
            else:
                rt.identity_token = len(waiting) % 3
                continue
            assert identity not in waiting
            waiting.append(identity)
        free = rt.generate_cb_identity()
        assert free not in waiting

    rt.run(main)


def test_a_timer_that_was_set_again_by_refresh_keeps_its_identity_to_itself() -> None:
    rt = Runtime(system=Simulation())
    fired: list[str] = []

    def main() -> None:
        first = rt.set_timeout(1, lambda _: fired.append("first"))

        def later(_: object) -> None:
            rt.identity_token = first.identity - 1 - 1
            rt.generate_cb_identity()  # from here on the count is below the first timer again
            first.refresh()
            second = rt.set_timeout(50, lambda _: fired.append("second"))
            assert second.identity != first.identity

        rt.set_timeout(20, later)
        rt.generate_cb_identity()

    rt.identity_token = 10
    rt.run(main)
    assert fired == ["first", "first", "second"]


def test_the_identity_of_a_cleared_timer_may_be_given_again_and_is_its_new_owners_alone() -> None:
    """R12: the new owner was called when the old timer was due, and the old handle moved it."""
    rt = Runtime(system=Simulation())
    results: list[object] = []

    def main() -> None:
        timer = rt.set_timeout(50, lambda _: results.append("cleared"))
        timer.cancel()
        rt.identity_token = timer.identity - 1
        other = rt.set_timeout(100, lambda _: results.append(rt.clock.now() >= 0.1))
        assert other.identity == timer.identity
        timer.cancel()
        timer.refresh()
        timer.unref()
        assert rt.pending_events == 1

    rt.run(main)
    assert results == [True]


def test_a_callback_boxed_under_the_identity_of_a_cleared_timer_is_not_called_for_it() -> None:
    rt = Runtime(system=Simulation())
    ran: list[str] = []

    def main() -> None:
        timer = rt.set_timeout(5, lambda _: ran.append("timer"))
        timer.cancel()
        rt.add_callback(timer.identity, lambda _: ran.append("boxed"))
        rt.set_timeout(20, lambda _: ran.append("end"))

    rt.run(main)
    assert ran == ["end"]


@pytest.mark.parametrize("identity", [-1, 2**64, "seven", 1.5, None, True])
def test_a_chosen_identity_that_is_none_is_refused_and_nothing_stays_registered(
    identity: object,
) -> None:
    with Runtime(system=Simulation()) as rt:
        with pytest.raises(NotAnIdentity, match="expected an identity"):
            rt.add_callback(identity, lambda _: None)  # type: ignore[arg-type]
        with pytest.raises(NotAnIdentity):
            rt.register_event_epoll(identity, lambda _: None)  # type: ignore[arg-type]
        assert rt.snapshot().callbacks == 0
        assert rt.epoll_pending_events == 0


def test_after_the_end_nothing_is_taken() -> None:
    identities = Identities(lambda: {1, 2}, count=3)
    identities.forget()
    identities.token = 0
    assert identities.generate_free() == 1
    assert Undefined()
