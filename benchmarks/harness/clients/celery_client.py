import celery_app
from measures import Client, main


class CeleryClient(Client):
    def submit(self, x, y):
        return celery_app.add.delay(x, y)

    def result(self, handle, timeout_seconds):
        return handle.get(timeout=timeout_seconds)

    def submit_fib(self, n):
        return celery_app.fib.delay(n)

    def submit_fanout(self, n):
        return celery_app.fanout.delay(n)


main(CeleryClient)
