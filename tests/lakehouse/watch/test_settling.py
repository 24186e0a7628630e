"""When a run is woken: once for what comes together, never too late, again if nobody takes it."""

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.watch.settling import Settling, SettlingTimes

TIMES = SettlingTimes(quiet=2, longest=30, again=60, most_again=200)


def ids(*names: str) -> frozenset[str]:
    return frozenset(names)


def told(settling: Settling, looks: list[tuple[float, frozenset[str], bool]]) -> list[float]:
    """At which times a run was woken; what is ready or moving now has just changed."""
    calls, before, changed_at = [], ids(), 0.0
    for at, ready, moving in looks:
        changed_at = at if moving or ready != before else changed_at
        before = ready
        if settling.due(ready, moving=moving, changed_at=changed_at, now=at) is not None:
            calls.append(at)
    return calls


def test_the_time_in_which_a_file_settles_is_time_of_quiet():
    settling = Settling(TIMES)
    assert settling.due(ids(), moving=True, changed_at=10, now=10) is None
    assert settling.due(ids("a"), moving=False, changed_at=10, now=11) is None
    assert settling.due(ids("a"), moving=False, changed_at=10, now=12) == 0


def test_files_that_come_together_wake_one_run_when_it_is_quiet():
    looks = [(0.0, ids("a"), True), (1.0, ids("a", "b"), True), (2.0, ids("a", "b", "c"), False)]
    looks += [(t / 2, ids("a", "b", "c"), False) for t in range(5, 60)]
    assert told(Settling(TIMES), looks) == [4.0]


def test_a_sender_that_never_ends_does_not_hold_the_others_up():
    looks = [(float(t), ids(*map(str, range(t + 1))), True) for t in range(40)]
    assert told(Settling(TIMES), looks) == [30.0]


def test_a_file_that_comes_after_the_call_is_called_for_too():
    looks = [(0.0, ids("a"), False), (2.0, ids("a"), False), (3.0, ids("a", "b"), False)]
    looks += [(4.0, ids("b"), False), (5.0, ids("b"), False), (6.0, ids("b"), False)]
    assert told(Settling(TIMES), looks) == [2.0, 6.0]


def test_what_nobody_takes_is_called_for_again_ever_more_rarely():
    looks = [(float(t), ids("a"), False) for t in range(1000)]
    assert told(Settling(TIMES), looks) == [2.0, 62.0, 182.0, 382.0, 582.0, 782.0, 982.0]


def test_the_attempt_says_how_often_it_was_told():
    settling = Settling(TIMES)
    settling.due(ids("a"), moving=False, changed_at=0, now=0)
    assert settling.due(ids("a"), moving=False, changed_at=0, now=2) == 0
    assert settling.due(ids("a"), moving=False, changed_at=0, now=62) == 1
    assert settling.due(ids(), moving=False, changed_at=0, now=63) is None
    settling.due(ids("a"), moving=False, changed_at=64, now=64)
    assert settling.due(ids("a"), moving=False, changed_at=64, now=66) == 0


def test_what_reached_nobody_is_told_at_the_next_look():
    settling = Settling(TIMES)
    settling.due(ids("a"), moving=False, changed_at=0, now=0)
    assert settling.due(ids("a"), moving=False, changed_at=0, now=2) == 0
    settling.not_told()
    assert settling.due(ids("a"), moving=False, changed_at=0, now=2.5) == 0


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 20)), min_size=1, max_size=8, unique=True
)


@given(arrivals=ARRIVALS, taken_after=st.integers(0, 20))
def test_whatever_the_order_every_file_is_called_for_and_calls_are_few(arrivals, taken_after):
    """Files become ready at some time; a run takes what is ready some time after each call."""
    settling, waiting, taken, calls = Settling(TIMES), set(), set(), []
    takes: list[tuple[int, frozenset[str]]] = []
    for now in range(400):
        ready = {f"{at}/{n}" for at, n in arrivals if at <= now} - taken
        waiting |= ready
        moving = any(now < at <= now + 1 for at, _ in arrivals)
        changed_at = max((at for at, _ in arrivals if at <= now), default=0)
        due = settling.due(frozenset(ready), moving=moving, changed_at=changed_at, now=now)
        if due is not None:
            calls.append(now)
            takes.append((now + taken_after, frozenset(ready)))
        for when, files in takes:
            if when <= now:
                taken |= files
    assert taken == waiting == {f"{at}/{n}" for at, n in arrivals}
    assert len(calls) <= len(arrivals)
