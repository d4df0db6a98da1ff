import asyncio
from math import inf

import pytest

from featurizer.catalog.images.patience import Patience


class Server:
    def __init__(self, heard_at):
        self.heard_at = heard_at


def within(seconds, block, *, silence=60.0):
    """Run a block under a limit."""

    async def run():
        with Patience(silence).limit(seconds) as limit:
            return await block(limit)

    return asyncio.run(run())


async def forever(_):
    await asyncio.sleep(3600)


def test_what_takes_too_long_ends_with_a_timeout():
    with pytest.raises(TimeoutError):
        within(0.05, forever)


def test_what_is_quick_enough_gives_what_it_gives():
    async def quick(_):
        return 7

    assert within(60, quick) == 7


def test_a_silent_server_ends_the_block_and_one_that_is_heard_does_not():
    async def silent(limit):
        limit.server = Server(asyncio.get_running_loop().time())
        await asyncio.sleep(3600)

    async def heard(limit):
        limit.server = Server(0.0)
        for _ in range(6):
            limit.server.heard_at = asyncio.get_running_loop().time()
            await asyncio.sleep(0.1)
        return "all"

    with pytest.raises(TimeoutError):
        within(60, silent, silence=0.1)
    assert within(60, heard, silence=0.4) == "all"


def test_time_that_is_not_the_servers_does_not_count():
    async def waiting(limit):
        limit.server, limit.deadline = Server(0.0), inf
        await asyncio.sleep(0.3)
        return "still here"

    assert within(0.05, waiting, silence=0.05) == "still here"


def test_who_is_canceled_from_elsewhere_is_canceled():
    async def run():
        task = asyncio.create_task(limited())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def limited():
        with Patience(60).limit(60):
            await forever(None)

    asyncio.run(run())


def test_limits_that_are_over_are_no_longer_looked_at():
    async def run():
        patience = Patience(60)
        for _ in range(3):
            with patience.limit(60):
                await asyncio.sleep(0)
        await asyncio.sleep(0.25)
        return patience._limits, patience._looking

    assert asyncio.run(run()) == (set(), None)
