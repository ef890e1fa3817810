"""Several invocations of one task."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

from pynenc.invocation.dist_invocation import BaseInvocation, DistributedInvocation
from pynenc.invocation.handle_engine import HandleEngine

R_co = TypeVar("R_co", covariant=True)


class BaseInvocationGroup(Generic[R_co]):
    """What ``task.parallelize`` returns: the invocations in call order."""

    def __init__(self, task: Any, invocations: Sequence[BaseInvocation[R_co]]) -> None:
        self.task = task
        self.invocations = list(invocations)

    @property
    def app(self) -> Any:
        """The application of the task."""
        return self.task.app

    @property
    def invocation_map(self) -> Mapping[str, BaseInvocation[R_co]]:
        """The invocations by id."""
        return {invocation.invocation_id: invocation for invocation in self.invocations}

    def __iter__(self) -> Iterator[BaseInvocation[R_co]]:
        return iter(self.invocations)

    def __len__(self) -> int:
        return len(self.invocations)


class DistributedInvocationGroup(BaseInvocationGroup[R_co]):
    """Invocations in the store; their results come as they end, or in call order."""

    invocations: list[DistributedInvocation[R_co]]  # type: ignore[assignment]  # narrower than the base's

    def __init__(self, engine: HandleEngine, task: Any, invocations: Sequence[DistributedInvocation[R_co]]) -> None:
        super().__init__(task, invocations)
        self._engine = engine

    @property
    def invocation_map(self) -> dict[str, DistributedInvocation[R_co]]:
        """The invocations by id."""
        return {invocation.invocation_id: invocation for invocation in self.invocations}

    def __iter__(self) -> Iterator[DistributedInvocation[R_co]]:
        return iter(self.invocations)

    @property
    def _ids(self) -> list[str]:
        return [invocation.invocation_id for invocation in self.invocations]

    @property
    def results(self) -> Iterator[R_co]:
        """The results in the order in which they come, one for each call; raises the first failure it meets.

        The other invocations go on, and ``results`` can be asked for again.
        """
        return self.iter_results()

    @overload
    def iter_results(
        self, *, ordered: bool = ..., return_exceptions: Literal[False] = ..., timeout_seconds: float | None = ...
    ) -> Iterator[R_co]: ...
    @overload
    def iter_results(
        self, *, ordered: bool = ..., return_exceptions: Literal[True], timeout_seconds: float | None = ...
    ) -> Iterator[R_co | Exception]: ...

    def iter_results(
        self, *, ordered: bool = False, return_exceptions: bool = False, timeout_seconds: float | None = None
    ) -> Iterator[Any]:
        """The results: ``ordered`` as the calls were made; with failures as values if ``return_exceptions``.

        Raises:
            InvocationTimeoutError: ``timeout_seconds`` for all of them together are over.
        """
        return self._engine.results(
            self._ids, ordered=ordered, return_exceptions=return_exceptions, timeout_seconds=timeout_seconds
        )

    @property
    def ordered_results(self) -> list[R_co]:
        """All results, in call order."""
        return list(self.iter_results(ordered=True))

    @overload
    def async_results(
        self, *, ordered: bool = ..., return_exceptions: Literal[False] = ..., timeout_seconds: float | None = ...
    ) -> AsyncIterator[R_co]: ...
    @overload
    def async_results(
        self, *, ordered: bool = ..., return_exceptions: Literal[True], timeout_seconds: float | None = ...
    ) -> AsyncIterator[R_co | Exception]: ...

    def async_results(
        self, *, ordered: bool = False, return_exceptions: bool = False, timeout_seconds: float | None = None
    ) -> AsyncIterator[Any]:
        """The results for coroutines."""
        return self._engine.async_results(
            self._ids, ordered=ordered, return_exceptions=return_exceptions, timeout_seconds=timeout_seconds
        )
