"""Invocations of sync mode (``dev_mode_force_sync_tasks``): the call runs where it is made."""

import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from pynenc.arguments import Arguments
from pynenc.invocation.dist_invocation import BaseInvocation
from pynenc.invocation.group import BaseInvocationGroup
from pynenc.invocation.status import InvocationStatus
from pynenc.workflow.workflow_identity import WorkflowIdentity

R_co = TypeVar("R_co", covariant=True)


class ConcurrentInvocation(BaseInvocation[R_co]):
    """A call that ran in the calling thread, retries included, before the call returned.

    Nothing is stored, queued or serialized; there is no concurrency control and no pause.
    """

    __slots__ = ("_error", "_value", "arguments", "num_retries", "parent_invocation_id", "task", "workflow")

    def __init__(
        self,
        task: Any,
        arguments: Arguments,
        parent_invocation_id: str | None,
        parent_workflow: WorkflowIdentity | None,
    ) -> None:
        self.invocation_id = str(uuid.uuid4())
        self.task = task
        self.arguments = arguments
        self.parent_invocation_id = parent_invocation_id
        if parent_workflow is None:
            self.workflow = WorkflowIdentity.new_workflow(self.invocation_id, task.task_id)
        elif task.conf.force_new_workflow:
            self.workflow = WorkflowIdentity.new_subworkflow(
                self.invocation_id, task.task_id, parent_workflow.workflow_id
            )
        else:
            self.workflow = parent_workflow
        self.num_retries = 0
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self, call: Callable[[], Any]) -> None:
        """Call the function, again after retriable exceptions, and keep what came of it."""
        while True:
            try:
                self._value = call()
            except self.task.retriable_exceptions as error:
                if self.num_retries >= self.task.conf.max_retries:
                    self._error = error
                    return
                self.num_retries += 1
            except Exception as error:  # noqa: BLE001 - kept, and raised by ``result``
                self._error = error
                return
            else:
                return

    @property
    def app(self) -> Any:
        """The application of the task."""
        return self.task.app

    @property
    def status(self) -> InvocationStatus:
        """SUCCESS or FAILED."""
        return InvocationStatus.SUCCESS if self._error is None else InvocationStatus.FAILED

    @property
    def result(self) -> R_co:
        """The value the task returned, or its exception raised."""
        if self._error is not None:
            raise self._error
        value: R_co = self._value
        return value

    def result_within(self, timeout_seconds: float) -> R_co:  # noqa: ARG002 - the signature of the distributed kind
        """The result; there is nothing to wait for."""
        return self.result

    async def async_result(self) -> R_co:
        """The result; there is nothing to wait for."""
        return self.result

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.async_result().__await__()


class ConcurrentInvocationGroup(BaseInvocationGroup[R_co]):
    """Calls that ran one after the other."""

    def __init__(self, task: Any, invocations: Sequence[ConcurrentInvocation[R_co]]) -> None:
        super().__init__(task, invocations)

    @property
    def results(self) -> Iterator[R_co]:
        """The results in call order."""
        return (invocation.result for invocation in self.invocations)

    @property
    def ordered_results(self) -> list[R_co]:
        """All results, in call order."""
        return list(self.results)

    async def async_results(self) -> AsyncIterator[R_co]:
        """The results in call order, for coroutines."""
        for invocation in self.invocations:
            yield invocation.result
