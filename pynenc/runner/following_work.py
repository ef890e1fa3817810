"""Supervisors that start processes as there is work for them."""

from pynenc.runner.supervisor import Supervisor


class FollowsWork(Supervisor):
    """Is told of work in its children's stead, and looks how much of it is queued."""

    def _follow_work(self) -> None:
        self.engine.hub.on_work = self._wake
        self.engine.hub.listen()

    def _close(self) -> None:
        self.engine.hub.on_work = lambda: None
        self.engine.wakeups.set_standby(False)
        super()._close()

    def _queued(self) -> int:
        """How many invocations wait in the queues this runner serves.

        Says first that the runner sleeps after this look, so that nobody's work falls in between.
        """
        self.engine.wakeups.set_standby(True)
        queues = self.conf.queues
        sizes = self.engine.backend.broker.sizes()
        return sum(count for (queue, _), count in sizes.items() if not queues or queue in queues)
