"""Do the benchmarks count right, and does each of their programs run? No speed is judged."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import callbacks, memory, pool, sockets, startup, timers, viewed
from tests.benchmarks.loops import present
from tests.benchmarks.measure import measure
from tests.benchmarks.nodejs import in_node
from tests.benchmarks.ratios import (
    AIM,
    MISS,
    NO_FIGURE,
    PASS,
    SHORT,
    mark_of,
    medians,
    ratios,
    verdicts,
)
from tests.benchmarks.report import amount, summary, table
from tests.benchmarks.rounds import Step, steps, take
from tests.benchmarks.rows import AT_LEAST, AT_MOST, ROWS, Goal, Row, costs, faster, named, own

ROOT = Path(__file__).parents[1]


def never_called(peer, number):
    raise AssertionError("nothing is measured in these tests")


def row(*goals, peers=("asyncio", "uvloop"), **options):
    return Row("steady", "steady callbacks", never_called, 1000, peers, goals, **options)


def measured(*values):
    return [None if value is None else {"value": value} for value in values]


# The arithmetic


def test_faster_is_the_peers_figure_over_ours_round_by_round():
    assert ratios(measured(1.0, 2.0), measured(3.0, 4.0), AT_LEAST) == [3.0, 2.0]


def test_cost_is_our_figure_over_the_peers_round_by_round():
    assert ratios(measured(1.0, 2.0), measured(4.0, 4.0), AT_MOST) == [0.25, 0.5]


def test_a_round_in_which_one_of_the_two_failed_says_nothing():
    assert ratios(measured(1.0, None, 1.0), measured(None, 5.0, 3.0), AT_LEAST) == [3.0]


def test_the_ratio_of_a_row_is_the_median_of_the_ratios_not_the_ratio_of_the_medians():
    figures = {"minirt": measured(1.0, 10.0, 2.0), "asyncio": measured(9.0, 20.0, 6.0)}
    (verdict,) = verdicts(row(faster("asyncio", 1)), figures)
    assert verdict.per_round == (9.0, 2.0, 3.0)
    assert verdict.median == 3.0  # the ratio of the medians would be 4.5


def test_each_peers_own_median_leaves_out_what_failed():
    figures = {"minirt": measured(3.0, None, 1.0), "asyncio": measured(None, None, None)}
    assert medians(row(), figures) == {"minirt": 2.0}


# The marks


@pytest.mark.parametrize(
    ("figure", "goal", "mark"),
    [
        (4.6, faster("asyncio", 3, 4.5), AIM),
        (4.5, faster("asyncio", 3, 4.5), AIM),
        (3.0, faster("asyncio", 3, 4.5), PASS),
        (2.9, faster("asyncio", 3, 4.5), MISS),
        (1.0, costs("epoll", 1.15, 1.08), AIM),
        (1.1, costs("epoll", 1.15, 1.08), PASS),
        (1.2, costs("epoll", 1.15, 1.08), MISS),
        (1.0, costs("asyncio", 1), PASS),
        (1.3, costs("queues", None, 1.25), SHORT),
        (1.2, costs("queues", None, 1.25), AIM),
        (0, own(0, 0, "early"), AIM),
        (1, own(0, 0, "early"), MISS),
        (9.9, Goal(AT_LEAST, None, None, "trio"), ""),
        (None, faster("asyncio", 3, 4.5), NO_FIGURE),
    ],
)
def test_a_mark_follows_from_must_and_aim(figure, goal, mark):
    assert mark_of(figure, goal) == mark


def test_a_goal_of_ones_own_is_held_against_the_field_that_it_names():
    figures = {"minirt": [{"value": 0.0002, "early": 1}, {"value": 0.0002, "early": 3}]}
    late, early = verdicts(row(own(0.001), own(0, field="early"), peers=()), figures)
    assert (late.median, late.mark) == (0.0002, PASS)
    assert (early.median, early.mark) == (2, MISS)


def test_rounds_that_disagree_about_the_must_are_told():
    figures = {"minirt": measured(1.0, 1.0, 1.0), "asyncio": measured(2.0, 4.0, 5.0)}
    (verdict,) = verdicts(row(faster("asyncio", 3), peers=("asyncio",)), figures)
    assert verdict.wavers
    assert verdict.rounds_reaching_must == 2
    assert "pass, in 2 of 3 rounds" in table(
        [row(faster("asyncio", 3), peers=("asyncio",))], {"steady": figures}
    )


def test_a_peer_without_a_goal_is_compared_and_not_judged():
    figures = {"minirt": measured(1.0), "asyncio": measured(2.0), "uvloop": measured(0.5)}
    assert [(v.peer, v.median, v.mark) for v in verdicts(row(), figures)] == [
        ("asyncio", 2.0, ""),
        ("uvloop", 0.5, ""),
    ]


def test_without_minirt_nothing_is_judged():
    assert verdicts(row(faster("asyncio", 3)), {"asyncio": measured(1.0)}) == []


def test_a_goal_whose_measurement_failed_is_not_reached():
    figures = {"minirt": measured(None), "asyncio": measured(1.0)}
    (verdict,) = verdicts(row(faster("asyncio", 3), peers=("asyncio",)), figures)
    assert (verdict.median, verdict.mark) == (None, NO_FIGURE)


# The table


def test_the_table_shows_figures_ratios_goals_and_marks():
    chosen = row(faster("asyncio", 3, 4.5), faster("uvloop", 1.2, 1.7))
    figures = {
        "minirt": measured(1e-6, 1e-6, 1e-6),
        "asyncio": measured(3e-6, 4e-6, 5e-6),
        "uvloop": measured(1e-6, 1e-6, 1e-6),
    }
    assert table([chosen], {"steady": figures}).splitlines() == [
        "   against  median         rounds          must      aim",
        "",
        "steady callbacks  [steady]",
        "  minirt 1.00 us · asyncio 4.00 us · uvloop 1.00 us",
        "   asyncio  4.00x as fast  3.00x .. 5.00x  >= 3.00x  >= 4.50x  pass",
        "   uvloop   1.00x as fast  1.00x .. 1.00x  >= 1.20x  >= 1.70x  MISS",
    ]


def test_the_table_says_when_a_row_was_not_measured():
    assert "not measured" in table([row()], {"steady": {}})


def test_a_note_of_a_measurement_is_shown_once():
    noted = [{"value": 1.0, "note": "only 500 idle connections"}] * 3
    assert (
        table([row(peers=())], {"steady": {"minirt": noted}}).count("only 500 idle connections")
        == 1
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.234e-7, "us", "0.123 us"),
        (2.5e-6, "us", "2.50 us"),
        (0.0421, "ms", "42.1 ms"),
        (216.2, "B", "216 B"),
        (0.012, "%", "1.20 %"),
    ],
)
def test_an_amount_keeps_three_digits(value, unit, text):
    assert amount(value, unit) == text


def test_the_summary_names_what_misses():
    figures = {"minirt": measured(1.0), "asyncio": measured(2.0), "uvloop": measured(2.0)}
    found = verdicts(row(faster("asyncio", 3), faster("uvloop", 1.2)), figures)
    assert summary(found).splitlines() == [
        "1 of 2 goals reached.",
        "  steady against asyncio: misses its must",
    ]


# The order of measuring


def planned(rounds, seed, *rows):
    return list(steps(rows, rounds, lambda peer: True, random.Random(seed)))


def test_every_round_measures_every_peer_of_every_row_once():
    other = Row("other", "other", never_called, 1, ("asyncio",))
    plan = planned(3, 0, row(), other)
    for turn in range(3):
        names = sorted((step.row.name, step.peer) for step in plan if step.turn == turn)
        assert names == [
            ("other", "asyncio"),
            ("other", "minirt"),
            ("steady", "asyncio"),
            ("steady", "minirt"),
            ("steady", "uvloop"),
        ]


def test_the_order_is_shuffled_anew_in_each_round():
    peers = tuple(f"peer{number}" for number in range(20))
    plan = planned(2, 0, row(peers=peers))
    first, second = ([step.peer for step in plan if step.turn == turn] for turn in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second)
    assert first != sorted(first)


def test_the_peers_of_a_row_are_measured_next_to_each_other():
    rows = [Row(name, name, never_called, 1, ("asyncio", "uvloop")) for name in "abcdef"]
    names = [step.row.name for step in planned(1, 0, *rows)]
    assert all(len(set(names[at : at + 3])) == 1 for at in range(0, len(names), 3))


def test_a_seed_repeats_an_order():
    assert planned(3, 7, *ROWS) == planned(3, 7, *ROWS)


def test_a_row_that_never_changes_is_measured_in_as_few_rounds_as_it_says():
    assert {step.turn for step in planned(5, 0, row(rounds=1))} == {0}


def test_who_is_absent_is_left_out():
    plan = steps([row()], 1, lambda peer: peer != "uvloop", random.Random(0))
    assert {step.peer for step in plan} == {"minirt", "asyncio"}


# The rows


def test_a_row_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(ValueError, match="no row is named callback; there are: callbacks, "):
        named(["callback"])


def test_rows_come_in_the_order_of_the_table():
    assert [found.name for found in named(["echo", "callbacks"])] == ["callbacks", "echo"]


def test_names_are_separated_by_commas_or_spaces():
    assert command.names("echo,callbacks timers, ") == ["echo", "callbacks", "timers"]


def test_every_goal_is_against_a_peer_of_its_row():
    for each in ROWS:
        assert {goal.peer for goal in each.goals} <= {None, *each.peers}


def test_an_aim_is_never_easier_than_its_must():
    for goal in (goal for each in ROWS for goal in each.goals):
        if goal.must is not None and goal.aim is not None:
            assert goal.aim >= goal.must if goal.sense == AT_LEAST else goal.aim <= goal.must


def test_a_slow_peer_makes_fewer_and_a_quick_run_a_tenth():
    slow = row(fewer={"asyncio": 4})
    assert slow.number_for("uvloop") == 1000
    assert slow.number_for("asyncio") == 250
    assert slow.number_for("asyncio", quick=True) == 25


# The programs


@pytest.fixture(autouse=True)
def one_server(monkeypatch):
    monkeypatch.setattr(sockets, "SERVERS", 1)


def peers_of(*names):
    return [name for name in names if present(name)]


def test_the_delays_are_spread_evenly_and_are_not_in_order():
    delays = timers.delays_of(100)
    assert sorted(delays) == sorted([*range(1, 51), *range(1, 51)])
    assert delays != sorted(delays)


@pytest.mark.parametrize("peer", ["minirt", "asyncio"])
@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "number"),
    [
        (callbacks.steady, 3000),
        (callbacks.fresh, 3000),
        (callbacks.chain, 20),
        (timers.set_and_fired, 20),
        (timers.set_and_cancelled, 200),
        (pool.one_in_flight, 20),
        (pool.nothing_in_flight, 2000),
        (pool.stat_in_flight, 2000),
        (memory.pending_callback, 200),
        (memory.pending_timer, 200),
    ],
)
def test_a_program_measures_something(program, number, peer):
    assert program(peer, number)["value"] > 0


@pytest.mark.parametrize("peer", ["minirt", "asyncio"])
def test_lateness_counts_what_came_early(peer):
    found = timers.lateness(peer, 20)
    assert found["early"] == 0
    assert 0 < found["value"] <= found["p99"]


@pytest.mark.parametrize(
    "peer", peers_of("minirt", "minirt-recorded", "minirt-detached", "asyncio", "epoll")
)
@pytest.mark.slow
def test_an_echo_server_answers_in_a_process_of_its_own(peer):
    assert sockets.echo(peer, 100)["value"] > 0


def test_a_server_that_fails_is_quoted():
    with pytest.raises(RuntimeError, match="the server failed: KeyError: 'nobody'"):
        sockets.echo("nobody", 100)


@pytest.mark.parametrize("peer", ["minirt", "asyncio"])
def test_a_server_on_bare_readiness_answers(peer):
    assert sockets.echo_on_readiness(peer, 100)["value"] > 0


@pytest.mark.slow
def test_growth_compares_few_with_many_idle_connections():
    found = sockets.growth("minirt", 40, few=2, many=20)
    assert found["value"] == pytest.approx(found["latency"][1] / found["latency"][0] - 1)
    assert "note" not in found


def test_growth_says_when_there_are_too_few_descriptors(monkeypatch):
    monkeypatch.setattr(sockets, "allow_descriptors", lambda: sockets.SPARE + 5)
    assert sockets.growth("asyncio", 20, few=2, many=20)["note"].startswith(
        "only 5 idle connections"
    )


@pytest.mark.parametrize("peer", peers_of("minirt", "minirt-viewed"))
@pytest.mark.slow
def test_a_watched_program_is_measured_beside_one_that_is_not(peer):
    assert viewed.watched(peer, 3000)["value"] > 0


@pytest.mark.slow
def test_the_largest_frame_is_weighed():
    found = viewed.frame("minirt", 1000)
    assert found["frames"] > 3
    assert 3000 < found["value"] < 20_000


def test_two_queues_are_the_floor_of_the_pool():
    assert pool.one_in_flight("queues", 20)["value"] > 0


@pytest.mark.slow
def test_importing_minirt_loads_nothing_of_the_notebook():
    assert startup.importing("minirt", 1)["notebook"] == 0


@pytest.mark.skipif(not present("node"), reason="node is not installed")
@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("callbacks", ("chain", 1, 10)),
        ("pool", ("nothing", 2, 10)),
        ("timers", ("fired", 50, 10)),
        ("memory", ("timer", 1000)),
    ],
)
def test_a_program_of_node_prints_its_figure(program, arguments):
    assert in_node(program, *arguments)["value"] > 0


def test_one_measurement_is_one_process_that_prints_one_line():
    words = [
        sys.executable,
        "-m",
        "tests.benchmarks.measure",
        "fd-chain",
        "asyncio",
        "--number",
        "10",
    ]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["value"] > 0


def test_measure_takes_the_number_of_the_row_when_none_is_given(monkeypatch):
    chosen = Row("one", "one", lambda peer, number: {"value": (peer, number)}, 7, ())
    monkeypatch.setattr("tests.benchmarks.measure.named", lambda names: [chosen])
    assert measure("one", "asyncio") == {"value": ("asyncio", 7)}


def test_a_measurement_that_fails_says_why_in_one_line():
    assert "no row is named steady" in take(Step(0, row(), "asyncio"))


def test_an_unknown_peer_is_answered_with_those_that_are_known():
    with pytest.raises(ValueError, match="no such peer here: nodejs"):
        command.choose(["nodejs"], [row()])


def test_minirt_missing_is_said_plainly(monkeypatch, capsys):
    monkeypatch.setattr(command, "present", lambda peer: peer != "minirt")
    assert command.choose(["asyncio"], [row()]) == {"asyncio"}
    assert "minirt is missing" in capsys.readouterr().out


def test_everything_measured_is_written_as_json(tmp_path, capsys):
    chosen = row(faster("asyncio", 3), peers=("asyncio",))
    found = {"steady": {"minirt": measured(1.0, 2.0), "asyncio": measured(4.0, 8.0)}}
    command.write(
        tmp_path / "figures.json", command.machine(), {"minirt", "asyncio"}, [chosen], found
    )
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["machine"]["python"] == sys.version
    assert written["machine"]["cores"] >= 1
    assert written["figures"]["steady"]["asyncio"] == [{"value": 4.0}, {"value": 8.0}]
    assert written["verdicts"]["steady"][0]["per_round"] == [4.0, 4.0]
    assert written["verdicts"]["steady"][0]["mark"] == PASS
