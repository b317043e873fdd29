"""Admission: what stands is cut, what recovers grows, and nobody takes another's share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange import Share
from proxy.state.admission import (
    BUSY_S,
    CUT,
    GLANCE,
    HEADROOM,
    INTERVAL_S,
    LEAST,
    LOOK_SECONDS,
    START_S,
    STEP_S,
    SUDDEN,
    SUDDEN_CUT,
    WAIT_S,
    Admission,
)
from tests.state.machine import Work, play

# All of an answer comes at once, a fixed while after it was asked for: those let in together would
# be answered together, for ever.
CLUMP = Work(admit_s=0.0002, token_s=0.0007, tokens=1, gap_s=0.03, refuse_s=0.000012, even=True)


class Door:
    """The gate, with names for its shares."""

    def __init__(self, gate: Admission) -> None:
        self.gate = gate
        self.shares: dict[str, Share] = {}

    def enter(self, key: str) -> int | None:
        return self.gate.enter(self.shares.setdefault(key, Share()))

    def leave(self, key: str) -> None:
        self.gate.leave(self.shares[key])

    @property
    def open(self) -> int:
        return self.gate.open

    @property
    def limit(self) -> float:
        return self.gate.limit

    @limit.setter
    def limit(self, value: float) -> None:
        self.gate.limit = value

    @property
    def refused(self) -> int:
        return self.gate.refused

    @property
    def overloaded(self) -> bool:
        return self.gate.overloaded

    def sample(self, lag_s: float, now: float) -> None:
        """Late by its own work."""
        self.gate.sample(lag_s, now, lag_s)


def gate(most: int = 100, target_s: float = 0.1) -> Door:
    return Door(Admission(most=most, target_s=target_s))


def live(one: Door, lag_s: float, seconds: float, start: float) -> float:
    """Samples of one lag; the time after them."""
    now = start
    while now < start + seconds:
        now += LOOK_SECONDS
        one.sample(lag_s, now)
    return now


def test_below_the_limit_everybody_enters() -> None:
    one = gate(most=3)
    assert [one.enter("a") for _ in range(3)] == [None] * 3
    assert one.enter("a") is not None
    one.leave("a")
    assert one.enter("a") is None
    assert one.refused == 1


def test_a_short_lag_changes_nothing() -> None:
    one = gate()
    now = live(one, 0.0, 1.0, 0.0)
    now = live(one, 0.3, INTERVAL_S * 0.8, now)
    live(one, 0.0, 1.0, now)
    assert not one.overloaded


def test_a_slow_start_is_no_overload() -> None:
    one = gate()
    one.sample(0.9, 5000.0)  # the clock did not begin with the process
    one.sample(0.3, 5000.3)
    one.sample(0.0, 5000.35)
    assert not one.overloaded


def test_a_standing_lag_cuts_until_the_loop_keeps_up() -> None:
    one = gate(most=1000)
    now = live(one, 0.0, 1.0, 0.0)
    for _ in range(1000):
        one.enter("a")
    seconds = 0.0
    while one.open > 100:  # what this machine could do
        now = live(one, 0.3, INTERVAL_S, now)
        seconds += INTERVAL_S
        while one.open > one.limit:
            one.leave("a")
    assert seconds < 10
    while one.open < one.limit:
        assert one.enter("a") is None
    assert one.enter("a") is not None
    live(one, 0.0, 60.0, now)
    assert not one.overloaded
    assert one.enter("a") is None


def test_whose_cpu_others_have_refuses_nobody() -> None:
    one = gate(most=1000)
    now = live(one, 0.0, 1.0, 0.0)
    for _ in range(500):
        one.enter("a")
    for _ in range(100):
        now += LOOK_SECONDS
        one.gate.sample(0.3, now, 0.01)
    assert not one.overloaded
    for _ in range(100):
        now += LOOK_SECONDS
        one.gate.sample(0.3, now, 0.3)
    assert one.overloaded
    least = one.limit
    for _ in range(100):
        now += LOOK_SECONDS
        one.gate.sample(0.3, now, 0.001)
    assert one.limit > least, "and what was cut comes back"


def test_the_door_never_shuts() -> None:
    one = gate()
    live(one, 5.0, 60.0, 0.0)
    assert [one.enter("a") for _ in range(LEAST)] == [None] * LEAST
    assert one.enter("a") is not None


def test_lag_can_be_ignored() -> None:
    one = gate(target_s=0.0)
    live(one, 5.0, 60.0, 0.0)
    assert not one.overloaded


def test_the_busy_key_leaves_room_for_the_others() -> None:
    one = gate(most=1000)
    one.limit = 100.0
    for _ in range(100):
        assert one.enter("greedy") is None
    assert one.enter("greedy") is not None
    entered = [one.enter("modest") for _ in range(30)]
    assert entered[:25] == [None] * 25, "the headroom is for those with less than their share"
    assert entered[25] is not None
    for _ in range(40):
        one.leave("greedy")
    assert one.enter("modest") is None


def test_a_crowd_is_told_to_wait_longer() -> None:
    one = gate(most=100)
    one.limit = 50.0
    for _ in range(50):
        one.enter("a")
    later = one.enter("a")
    one.limit = 100.0
    for _ in range(50):
        one.enter("a")
    sooner = one.enter("a")
    assert sooner == 1
    assert later is not None
    assert later > sooner


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 1)), max_size=300))
def test_counts_agree_whatever_happens(steps) -> None:
    one = gate(most=50)
    inside: list[str] = []
    for number, (key, enters, lag_s) in enumerate(steps):
        one.sample(lag_s, number * LOOK_SECONDS)
        if enters and one.enter(key) is None:
            inside.append(key)
        elif not enters and key in inside:
            inside.remove(key)
            one.leave(key)
        assert one.open == len(inside) <= 50
        assert LEAST <= one.limit <= 50
    for key in inside:
        one.leave(key)
    assert one.open == 0


def test_headroom_is_bounded_by_what_is_never_exceeded() -> None:
    one = gate(most=10)
    for key in "abcdefghijkl" * int(HEADROOM * 2):
        one.enter(key)
    assert one.open == 10


def test_a_reload_keeps_what_is_open() -> None:
    one = gate(most=10)
    for _ in range(10):
        one.enter("a")
    one.gate.configure(most=5, target_s=0.1)
    assert one.enter("a") is not None
    for _ in range(6):
        one.leave("a")
    assert one.enter("a") is None


@pytest.mark.parametrize(
    ("load", "work", "share", "refusal_s"),
    [
        (0.9, Work(), 0.89, 0.0),
        (1.1, Work(), 0.95, 0.120),  # the queue takes its time to be one
        (4.0, Work(), 0.95, 0.010),
        (10.0, Work(), 0.9, 0.020),
        (4.0, Work(gap_s=0.05), 0.8, 0.030),  # answers of two seconds: a cut shows late
    ],
)
def test_a_machine_that_is_asked_too_much_gives_what_it_can(
    load: float, work: Work, share: float, refusal_s: float
) -> None:
    found = play(load, 30.0, work)
    assert found.share >= share, found
    assert found.refusal_p99_s <= refusal_s, found
    assert found.most < 1000


def test_a_language_models_answers_are_found_to_be_too_many() -> None:
    found = play(4.0, 30.0, Work(0.00016, 0.000026, 100, 0.01, 0.00002))
    assert found.share >= 0.9, found
    assert found.refusal_p99_s <= 0.015, found
    assert found.most < 4000, "a turn with a token of each takes as long as may stand"


def test_answers_that_come_at_once_do_not_come_together() -> None:
    found = play(4.0, 30.0, CLUMP)
    assert found.share >= 0.9, found
    assert found.refusal_p99_s <= 0.010, found
    found = play(4.0, 30.0, CLUMP, settle_s=0.0)
    assert found.refusal_p99_s <= 0.060, "with the half second that finds the limit"


def test_once_overloaded_a_shorter_queue_counts() -> None:
    one = gate(most=1000)
    for _ in range(1000):
        one.enter("a")

    def work(busy_s: float, now: float) -> float:
        for _ in range(40):
            now += LOOK_SECONDS
            one.sample(busy_s, now)
        return now

    now = work(BUSY_S * 5, 0.0)
    assert not one.overloaded, "a crowd that waits its turn is no overload"
    now = work(0.2, now)
    assert one.overloaded
    for _ in range(600):
        one.leave("a")
    before = one.limit
    work(BUSY_S * 2, now)
    assert one.limit < before


@pytest.mark.parametrize(("busy", "of", "grows"), [(5, 2, False), (3, 1, True)])
def test_it_is_the_average_turn_that_counts_then(busy: int, of: int, grows: bool) -> None:
    one = gate(most=1000)
    for _ in range(200):
        one.enter("a")
    one.limit = 200.0
    for look in range(1, 41):  # of five turns, so many are so much too long
        one.sample(BUSY_S * busy if look % 5 < of else 0.0, look * LOOK_SECONDS)
    assert (one.limit > 200.0) is grows


@pytest.mark.parametrize(
    ("wait", "busy", "least", "most"),
    [(2.0, 0.5, 0.0, 290.0), (0.8, 0.8, 291.0, 322.0), (0.1, 0.2, 323.0, 400.0)],
)
def test_work_that_waits_too_long_is_cut_and_with_none_it_grows_faster(
    wait: float, busy: float, least: float, most: float
) -> None:
    one, now = gate(most=1000), 0.0
    for _ in range(300):
        one.enter("a")
    while not one.overloaded:
        now += LOOK_SECONDS
        one.sample(0.2, now)
    one.limit = 290.0  # near what was too much
    for _ in range(10):
        now += LOOK_SECONDS
        one.gate.sample(0.0, now, BUSY_S * busy, now, wait_s=WAIT_S * wait)
    assert least < one.limit < most


@pytest.mark.parametrize(("each_look", "is_overload"), [(20, True), (0, False)])
def test_a_short_lag_is_overload_only_while_ever_more_come(
    each_look: int, is_overload: bool
) -> None:
    one = gate(most=5000)
    one.sample(0.0, 0.0)
    one.sample(0.0, START_S)
    for _ in range(200):
        one.enter("a")
    for look in range(1, 13):  # 0.6 s
        one.sample(0.03, START_S + look * LOOK_SECONDS)
        for _ in range(each_look):
            one.enter("a")
    assert one.overloaded is is_overload


def test_a_crowd_that_came_at_once_and_stays_is_not_growing() -> None:
    one = gate(most=5000)
    one.sample(0.0, 0.0)
    one.sample(0.0, START_S)
    for _ in range(256):
        one.enter("a")
    live(one, 0.06, 3.0, START_S)
    assert not one.overloaded


def test_a_load_that_vanishes_leaves_room_for_the_next() -> None:
    one = gate(most=1000)
    for _ in range(500):
        one.enter("a")
    now = live(one, 0.2, 1.0, 0.0)
    while not one.overloaded:
        now = live(one, 0.2, LOOK_SECONDS, now)
    one.limit = 400.0
    now = live(one, 0.0, LOOK_SECONDS, now)
    for _ in range(500):
        one.leave("a")
    live(one, BUSY_S * 9, STEP_S + LOOK_SECONDS, now)
    assert one.limit >= 400 * CUT[1], "not what one look found open"


def test_while_much_of_the_cpu_is_left_the_limit_that_was_too_much_does_not_count() -> None:
    limits = []
    for part in (0.2, 0.95):  # of the CPU is used
        one, now = gate(most=1000), 0.0
        for _ in range(300):
            one.enter("a")
        while not one.overloaded:
            now += LOOK_SECONDS
            one.sample(0.2, now)
        one.limit = 290.0
        for _ in range(20):
            now += LOOK_SECONDS
            one.gate.sample(0.0, now, BUSY_S * 0.8, now * part)
        limits.append(one.limit)
    assert limits[0] > 1.2 * limits[1]


class Turn:
    """A turn of the loop that lasts: seconds, and of a CPU."""

    lasted_s = cpu_s = 0.0

    def __call__(self) -> tuple[float, float]:
        return self.lasted_s, self.cpu_s


def crowd(*, lasted_s: float, cpu_s: float, age_s: float, target_s: float = 0.1) -> Admission:
    """Five hundred come in one turn of a process of that age, when it lasts for so long already."""
    turn, share = Turn(), Share()
    one = Admission(most=10_000, target_s=target_s, turn=turn)
    one.sample(0.0, 0.0, 0.0, 70.0)
    one.sample(0.0, age_s, 0.0, 70.0)
    turn.lasted_s, turn.cpu_s = lasted_s, 70.0 + cpu_s
    for _ in range(500):
        one.enter(share)
    return one


def test_a_turn_that_is_long_already_is_overload_before_it_is_over() -> None:
    one = crowd(lasted_s=0.12, cpu_s=0.11, age_s=START_S)
    assert one.overloaded
    assert one.open <= SUDDEN + GLANCE, "the others were refused"
    assert one.limit == one.open * SUDDEN_CUT


@pytest.mark.parametrize(
    "turn",
    [
        {"lasted_s": 0.09, "cpu_s": 0.09, "age_s": START_S},
        {"lasted_s": 0.2, "cpu_s": 0.01, "age_s": START_S},  # somebody else has the CPU
        {"lasted_s": 0.01, "cpu_s": 0.2, "age_s": START_S},  # it was busy before this turn
        {"lasted_s": 0.2, "cpu_s": 0.2, "age_s": START_S / 2},  # it starts
        {"lasted_s": 0.2, "cpu_s": 0.2, "age_s": START_S, "target_s": 0.0},  # nobody wants to know
    ],
)
def test_what_is_no_overload_in_the_middle_of_a_turn(turn) -> None:
    assert crowd(**turn).open == 500
