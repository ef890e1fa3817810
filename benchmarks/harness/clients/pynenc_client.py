import os
import threading

import pynenc_app
from measures import Client, main


class PynencClient(Client):
    def setup(self):
        if os.environ["BENCH_STORE"] == "memory":  # The runner is a thread of this process.
            threading.Thread(target=pynenc_app.app.runner.run, daemon=True).start()

    def submit(self, x, y):
        return pynenc_app.add(x, y)

    def result(self, handle, timeout_seconds):
        return handle.result

    def submit_fib(self, n):
        return pynenc_app.fib(n)

    def submit_fanout(self, n):
        return pynenc_app.fanout(n)

    def submit_batch(self, pairs):
        return pynenc_app.add.parallelize(pairs)


main(PynencClient)
