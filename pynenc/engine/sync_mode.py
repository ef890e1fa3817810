"""Sync mode: what of a running invocation there is when a call runs in the thread that makes it."""

import time
from collections.abc import Callable
from typing import Any

from pynenc.engine.event_inbox import SyncInbox
from pynenc.engine.journal import StoredJournal, SyncJournal
from pynenc.engine.replay import Replay
from pynenc.engine.workflow_run import open_replay
from pynenc.identifiers import TaskId
from pynenc.invocation.conc_invocation import ConcurrentInvocation
from pynenc.workflow.operations import WorkflowOperations
from pynenc.workflow.workflow_identity import WorkflowIdentity


class SyncRunning:
    """A call in sync mode; the same shape as ``context.Running``, as far as user code can tell."""

    engine = None
    record = None
    main_task = None
    cancelled = False
    told_cancelled = False

    def __init__(self, handle: ConcurrentInvocation[Any], outer: Any) -> None:
        self.handle = handle
        self.task = handle.task
        same_workflow = outer is not None and outer.handle.workflow == handle.workflow
        #: The data of the workflow, which all of its calls share.
        self.workflow_data: dict[str, Any] = outer.workflow_data if outer is not None and same_workflow else {}
        self.workflow: Replay | None = None
        self._journal: SyncJournal | None = None

        engine = handle.task.app.engine
        #: From the beginning of the call: what is emitted later counts.
        self._inbox = SyncInbox(engine.serializer, engine.sync_events)

    def attempt(self, code: Callable[[], Any]) -> Any:
        """Run the code, perhaps again after a retry: it repeats what it has recorded."""
        self.workflow = None
        try:
            result = code()
        except BaseException as error:
            ended = self._ended_with(error)
            if ended is not error:
                raise ended from error
            raise
        self._returned()
        return result

    def _returned(self) -> None:
        if self.workflow is not None:
            self.workflow.returned()

    def _ended_with(self, error: BaseException) -> BaseException:
        return error if self.workflow is None else self.workflow.ended_with(error, final=False)

    def open_workflow(self, now: Callable[[], float]) -> Replay:
        """What this run of the code keeps of its use of ``wf``."""
        if self._journal is None:
            self._journal = SyncJournal(self.handle.invocation_id, self.workflow_data, now, self._inbox)
        self.workflow = open_replay(self._journal, self.handle.workflow, self)
        return self.workflow


def open_workflow(running: Any) -> WorkflowOperations:
    """The recorded operations of what is running, in sync mode or not."""
    return open_replay_of(running).operations


def open_replay_of(running: Any) -> Replay:
    """What an attempt keeps of its use of ``wf``."""
    if running.workflow is not None:
        opened: Replay = running.workflow
        return opened
    if isinstance(running, SyncRunning):
        return running.open_workflow(time.time)
    record = running.record
    identity = WorkflowIdentity(record.workflow_id, TaskId.from_key(record.workflow_type), record.parent_workflow_id)
    made = running.workflow = open_replay(StoredJournal(running), identity, running)
    return made


def complete(coroutine: Any) -> Any:
    """Run a coroutine to its end where there is no event loop; inside of one, on a thread of its own."""
    import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - sync mode inside a loop only

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
