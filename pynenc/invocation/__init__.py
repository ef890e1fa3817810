"""Invocations: their life, their records, and the handles that users hold."""

from pynenc.invocation.conc_invocation import ConcurrentInvocation, ConcurrentInvocationGroup
from pynenc.invocation.dist_invocation import BaseInvocation, DistributedInvocation, ReusedInvocation
from pynenc.invocation.group import BaseInvocationGroup, DistributedInvocationGroup
from pynenc.invocation.status import InvocationStatus, InvocationStatusRecord

__all__ = [
    "BaseInvocation",
    "BaseInvocationGroup",
    "ConcurrentInvocation",
    "ConcurrentInvocationGroup",
    "DistributedInvocation",
    "DistributedInvocationGroup",
    "InvocationStatus",
    "InvocationStatusRecord",
    "ReusedInvocation",
]
