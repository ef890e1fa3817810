import asyncio
import time

import arq_app
from arq import create_pool
from measures import Client, main


class ArqClient(Client):
    """arq is asynchronous: many calls share one run of the event loop, as they would in a program."""

    def setup(self):
        self.loop = asyncio.new_event_loop()
        self.pool = self.loop.run_until_complete(create_pool(arq_app.WorkerSettings.redis_settings))

    def submit(self, x, y):
        return self.loop.run_until_complete(self.pool.enqueue_job("add", x, y))

    def result(self, handle, timeout_seconds):
        waiting = handle.result(timeout=timeout_seconds, poll_delay=arq_app.POLL_SECONDS)
        return self.loop.run_until_complete(waiting)

    def submit_many(self, pairs):
        async def submit_all():
            return [await self.pool.enqueue_job("add", x, y) for x, y in pairs]

        return self.loop.run_until_complete(submit_all())

    def collect(self, handles, deadline):
        async def collect_all():
            return [
                await handle.result(timeout=deadline - time.monotonic(), poll_delay=arq_app.POLL_SECONDS)
                for handle in handles
            ]

        return self.loop.run_until_complete(collect_all())

    def submit_fib(self, n):
        return self.loop.run_until_complete(self.pool.enqueue_job("fib", n))

    def submit_fanout(self, n):
        return self.loop.run_until_complete(self.pool.enqueue_job("fanout", n))


main(ArqClient)
