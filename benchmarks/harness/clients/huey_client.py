import huey_app
from measures import VARIANT, Client, main

# By default a waiting reader looks every 100 ms at first; "tuned" makes it look every 5 ms.
WAITING = {"backoff": 1.0001, "max_delay": 0.005} if VARIANT == "tuned" else {}


class HueyClient(Client):
    def submit(self, x, y):
        return huey_app.add(x, y)

    def result(self, handle, timeout_seconds):
        return handle.get(blocking=True, timeout=timeout_seconds, **WAITING)

    def submit_fib(self, n):
        return huey_app.fib(n)

    def submit_fanout(self, n):
        return huey_app.fanout(n)


main(HueyClient)
