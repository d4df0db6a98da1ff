import asyncio
from dataclasses import dataclass

import pytest

from featurizer.catalog.images.budget import Budget, Room
from featurizer.catalog.images.hosts import (
    FIRST,
    LEAST_LOST,
    MOST_HANGING,
    MOST_KNOWN,
    PATIENCE,
    SHORTEST,
    Hosts,
)
from featurizer.catalog.images.options import FetchOptions


@dataclass
class Asked:
    address: str


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def made(clock, **options):
    return Hosts(FetchOptions(**options), clock)


def fill(hosts, name, count):
    host = hosts.of(name)
    for number in range(count):
        hosts.add(host, Asked(f"{name}/{number}"))
    return host


def test_hosts_are_served_in_turn_whoever_asked_first(clock):
    hosts = made(clock)
    for name in "abc":
        fill(hosts, name, 3)
    order = [hosts.take()[0].name for _ in range(9)]
    assert order == list("abcabcabc")
    assert hosts.take() is None


def test_a_host_bears_more_with_every_answer_and_half_after_an_overload(clock):
    hosts = made(clock, per_host=32)
    host = fill(hosts, "a", 1)
    for _ in range(100):
        host.pace.faster()
    assert host.pace.limit == 32
    clock.now += 1
    host.pace.slower(begun=clock.now, now=clock.now)
    assert host.pace.limit == 16
    host.pace.slower(begun=clock.now - 0.5, now=clock.now + 1)  # began before the cut: tells nothing new
    assert host.pace.limit == 16
    for _ in range(16):
        host.pace.faster()
    assert 16.9 < host.pace.limit < 17.1


def test_what_hangs_leaves_a_host_a_few_requests_and_what_it_refuses_one(clock):
    pace = made(clock).of("a").pace
    for _ in range(9):
        clock.now += 1
        pace.slower(begun=clock.now, now=clock.now, least=LEAST_LOST)
    assert pace.limit == LEAST_LOST
    for _ in range(9):
        clock.now += 1
        pace.slower(begun=clock.now, now=clock.now)
    assert pace.limit == 1
    pace.slower(begun=clock.now, now=clock.now, least=LEAST_LOST)
    assert pace.limit == 1


def test_never_more_are_in_flight_than_the_pace_allows(clock):
    hosts = made(clock)
    host = fill(hosts, "a", 50)
    taken = [hosts.take() for _ in range(FIRST + 2)]
    assert sum(one is not None for one in taken) == FIRST == host.active
    hosts.release(host)
    assert hosts.take() is not None
    assert hosts.take() is None


def test_a_host_that_paused_is_passed_over_until_its_time(clock):
    hosts = made(clock)
    slow, _ = fill(hosts, "slow", 2), fill(hosts, "other", 2)
    assert hosts.pause(slow, 5) == []
    assert [hosts.take()[0].name for _ in range(2)] == ["other", "other"]
    assert hosts.take() is None
    clock.now = slow.paused_until
    assert hosts.recall(slow)
    assert hosts.take()[0].name == "slow"


def test_a_host_that_answers_others_rests_for_a_moment_until_the_next_is_refused_too(clock):
    hosts = made(clock)
    host = fill(hosts, "a", 9)
    hosts.served(host)
    assert hosts.pause(host, 30) == []
    assert host.not_before == 100.5
    clock.now = 100.5
    assert hosts.pause(host, 30) == []
    assert host.not_before == 130.5
    clock.now = 130.5
    hosts.served(host)
    hosts.pause(host, 30)
    hosts.pause(host, 30)  # one that was under way
    assert host.not_before == 160.5


def test_a_host_that_asks_again_and_again_to_be_left_alone_is_given_up(clock):
    hosts = made(clock, give_up_after=3)
    host = fill(hosts, "busy", 4)
    for _ in range(3):
        assert hosts.pause(host, 30) == hosts.pause(host, 30) == []
        clock.now += 30
    hosts.served(host)
    for _ in range(3):
        assert hosts.pause(host, 30) == []
        clock.now += 30
    assert len(hosts.pause(host, 30)) == 4
    assert host.down


def lose(hosts, host, count, clock):
    waiting = []
    for number in range(count):
        waiting += hosts.lost(host, Asked(f"gone/{number}"), begun=clock.now)
    return waiting


def test_a_host_is_given_up_after_several_addresses_for_a_while(clock):
    hosts = made(clock, give_up_after=3, give_up_seconds=5)
    host = fill(hosts, "dead", 4)
    assert lose(hosts, host, 9, clock) == []  # all at once: a hiccup
    clock.now += 6
    assert len(hosts.lost(host, Asked("gone/0"), begun=clock.now)) == 4
    assert host.down
    assert not host.waiting


def test_one_address_that_fails_again_and_again_does_not_make_a_host_dead(clock):
    hosts = made(clock, give_up_after=3)
    host = fill(hosts, "a", 4)
    for _ in range(50):
        clock.now += 10
        assert hosts.lost(host, Asked("a/0"), begun=clock.now) == []
    assert not host.down


def test_an_answer_clears_what_was_lost_and_a_host_that_answered_gets_more_patience(clock):
    hosts = made(clock, give_up_after=3, give_up_seconds=0)
    host = fill(hosts, "a", 1)
    lose(hosts, host, 2, clock)
    hosts.answered(host)
    assert lose(hosts, host, 3 * PATIENCE - 1, clock) == []
    assert not host.down
    hosts.lost(host, Asked("one more"), begun=clock.now)
    assert host.down


def test_a_host_in_doubt_is_asked_once_and_ever_more_seldom_until_it_answers(clock):
    hosts = made(clock, give_up_after=3, give_up_seconds=60)
    host = fill(hosts, "a", 9)
    lose(hosts, host, 3, clock)
    pauses = []
    for number in range(4):
        assert hosts.take() is None
        pauses.append(host.not_before - clock.now)
        clock.now = host.not_before
        hosts.recall(host)
        _, job = hosts.take()
        assert hosts.take() is None  # one at a time
        hosts.lost(host, Asked(f"under way/{number}"), begun=clock.now - 9)  # tells nothing new
        hosts.lost(host, job, begun=clock.now)
        hosts.release(host)
    assert pauses == [0.5, 1, 2, 4]
    hosts.answered(host)
    hosts.recall(host)
    assert hosts.take() is not None
    assert hosts.take() is not None


def test_where_one_at_a_time_is_too_many_there_is_time_between_them(clock):
    alarms = []
    hosts = Hosts(FetchOptions(), clock, lambda when, host: alarms.append((when, host.name)))
    host = fill(hosts, "a", 20)
    for number in range(5):  # 8, 4, 2, 1 at once, and then
        hosts.refused(host, Asked(str(number)), begun=clock.now)
        clock.now += 1
    assert host.pace.interval == 2 * SHORTEST
    assert hosts.take() is not None
    hosts.release(host)
    assert hosts.take() is None
    assert alarms == [(clock.now + 2 * SHORTEST, "a")]
    for _ in range(99):
        hosts.refused(host, Asked("again"), begun=clock.now)
    assert host.pace.interval == FetchOptions().retry.wait_max
    for _ in range(99):
        hosts.served(host)
    assert host.pace.interval == 0
    assert host.pace.limit > 1


def test_a_host_that_refuses_one_after_another_and_serves_none_is_given_up(clock):
    hosts = made(clock)
    host = fill(hosts, "a", 4)
    for number in range(6):
        assert hosts.refused(host, Asked(str(number)), begun=clock.now) == []
    clock.now += 59
    assert hosts.refused(host, Asked("6"), begun=clock.now) == []
    hosts.served(host)
    for number in range(9):
        assert hosts.refused(host, Asked(str(number % 5)), begun=clock.now) == []
        clock.now += 60
    assert len(hosts.refused(host, Asked("a sixth"), begun=clock.now)) == 4
    assert host.down


def test_a_host_that_refuses_all_that_is_left_is_given_up_after_a_minute(clock):
    hosts = made(clock)
    host = fill(hosts, "a", 1)
    host.jobs = 2
    for number in (0, 1, 0, 1):
        assert hosts.refused(host, Asked(str(number)), begun=clock.now) == []
        clock.now += 15
    assert len(hosts.refused(host, Asked("0"), begun=clock.now)) == 1
    assert host.down


def test_an_address_that_is_refused_again_while_others_are_served_slows_them_no_more_than_they_gain(clock):
    hosts = made(clock)
    host = fill(hosts, "a", 4)
    for number in range(9):
        hosts.refused(host, Asked(f"a/{number}"), begun=clock.now)
    interval = host.pace.interval
    for _ in range(20):
        hosts.served(host)
        hosts.refused(host, Asked("a/0"), begun=clock.now, alone=True)
    assert host.pace.interval == pytest.approx(interval)


def test_a_few_requests_that_hang_do_not_hold_up_their_host(clock):
    hosts = made(clock, per_host=9)
    host = fill(hosts, "a", 20)
    host.pace.limit = 1
    for _ in range(MOST_HANGING + 1):
        assert hosts.take() is not None
        assert hosts.take() is None
        hosts.hangs(host)
    assert hosts.take() is None
    hosts.release(host, hung=True)
    assert hosts.take() is not None
    assert (host.active, host.hanging) == (MOST_HANGING + 1, MOST_HANGING)


def test_what_hangs_counts_for_the_most_that_a_host_may_get(clock):
    hosts = made(clock, per_host=2)
    host = fill(hosts, "a", 20)
    assert [hosts.take() is not None for _ in range(3)] == [True, True, False]
    hosts.hangs(host)
    assert hosts.take() is None


def test_hosts_of_which_nothing_is_to_be_remembered_are_forgotten_where_there_are_many(clock):
    hosts = made(clock, give_up_after=1, give_up_seconds=0)
    for number in range(MOST_KNOWN + 50):
        host = hosts.of(str(number))
        host.jobs += 1
        if number % 2:
            hosts.lost(host, Asked("gone"), begun=clock.now)
        hosts.ended(host)
    assert hosts.known <= MOST_KNOWN + 50 - 25
    assert hosts.of("1").down


def test_a_budget_lets_wait_who_wants_more_than_there_is_in_turn():
    async def play():
        budget, told = Budget(10), []
        first, second, third = budget.lease(), budget.lease(), budget.lease()
        assert first.try_grow(8)
        assert not second.try_grow(5)

        async def take(name, lease, size):
            await lease.grow(size)
            told.append(name)

        waiting = [
            asyncio.create_task(take("second", second, 5)),
            asyncio.create_task(take("third", third, 2)),
        ]
        await asyncio.sleep(0.01)
        assert told == []  # the third would fit, but it is not its turn
        first.free()
        await asyncio.gather(*waiting)
        assert told == ["second", "third"]

    asyncio.run(play())


def test_when_all_that_hold_wait_for_more_the_first_goes_on():
    async def play():
        budget = Budget(10)
        first, second = budget.lease(), budget.lease()
        assert first.try_grow(5)
        assert second.try_grow(5)
        growing = [asyncio.create_task(first.grow(9)), asyncio.create_task(second.grow(9))]
        await asyncio.sleep(0.01)
        assert growing[0].done()
        assert not growing[1].done()
        first.free()
        await growing[1]
        assert second.size == 9

    asyncio.run(play())


def test_who_holds_some_and_wants_more_leaves_half_of_it_free():
    async def play():
        budget = Budget(10)
        growing, other = budget.lease(), budget.lease()
        assert growing.try_grow(3)
        assert not growing.try_grow(6)
        assert growing.try_grow(5)
        assert other.try_grow(5)
        waiting = asyncio.create_task(growing.grow(6))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        other.free()
        await asyncio.wait_for(waiting, 1)  # nobody else holds anything any more

    asyncio.run(play())


def test_who_goes_on_although_there_is_no_room_does_so_alone_until_it_is_done():
    async def play():
        budget = Budget(10)
        leases = [budget.lease() for _ in range(5)]
        assert all(lease.try_grow(2) for lease in leases)
        growing = [asyncio.create_task(lease.grow(4)) for lease in leases]
        await asyncio.sleep(0.01)
        assert [task.done() for task in growing] == [True, False, False, False, False]
        await asyncio.wait_for(leases[0].grow(30), 1)  # further on, before all who wait
        assert not any(task.done() for task in growing[1:])
        leases[0].free()
        await asyncio.wait_for(growing[1], 1)
        for lease in leases[1:]:
            lease.free()
        await asyncio.gather(*growing)

    asyncio.run(play())


def test_small_bodies_wait_for_no_large_one():
    async def play():
        small, large = Budget(8), Budget(10)
        rooms = [Room(2, small, large) for _ in range(3)]
        assert rooms[0].try_grow(12)
        growing = asyncio.create_task(rooms[1].grow(5))
        await asyncio.sleep(0.01)
        assert not growing.done()
        assert rooms[2].try_grow(2)
        assert [room.size for room in rooms] == [12, 2, 2]
        rooms[0].free()
        await asyncio.wait_for(growing, 1)
        assert rooms[1].size == 5

    asyncio.run(play())


def test_who_is_canceled_while_waiting_holds_nobody_up():
    async def play():
        budget = Budget(10)
        leases = [budget.lease() for _ in range(3)]
        assert all(lease.try_grow(size) for lease, size in zip(leases, (4, 3, 3), strict=True))
        first, canceled = [asyncio.create_task(lease.grow(20)) for lease in leases[:2]]
        await asyncio.sleep(0.01)
        canceled.cancel()
        await asyncio.wait([canceled])
        leases[1].free()
        leases[2].free()
        await asyncio.wait_for(first, 5)  # it is the only one left, and goes on although there is not so much

    asyncio.run(play())
