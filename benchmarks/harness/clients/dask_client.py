import logging

from dask.distributed import Client as DaskConnection
from dask.distributed import LocalCluster, worker_client
from measures import WORKERS, Client, main


def add(x, y):
    return x + y


def fib(n):
    if n < 2:
        return n
    with worker_client() as connection:  # The task leaves the worker's thread pool while it waits.
        futures = [connection.submit(fib, m, pure=False) for m in (n - 1, n - 2)]
        return sum(connection.gather(futures))


def fanout(n):
    with worker_client() as connection:
        return sum(connection.gather([connection.submit(add, i, 1, pure=False) for i in range(n)]))


class DaskClient(Client):
    """Dask's scheduler lives in the client process, its workers are child processes of it."""

    def setup(self):
        self.cluster = LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.ERROR,
        )
        self.connection = DaskConnection(self.cluster)

    def close(self):
        self.connection.close()
        self.cluster.close()

    def submit(self, x, y):
        return self.connection.submit(add, x, y, pure=False)

    def result(self, handle, timeout_seconds):
        return handle.result(timeout=timeout_seconds)

    def collect(self, handles, deadline):
        return self.connection.gather(handles)

    def submit_fib(self, n):
        return self.connection.submit(fib, n, pure=False)

    def submit_fanout(self, n):
        return self.connection.submit(fanout, n, pure=False)


if __name__ == "__main__":  # Its worker processes import this module again.
    main(DaskClient)
