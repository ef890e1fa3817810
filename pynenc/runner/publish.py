"""What a runner publishes of its application, so that readers never import user code."""

import importlib
import inspect
import json
from contextlib import suppress
from functools import partial
from typing import Any

from pynenc.engine.user_code import contained, words
from pynenc.exceptions import PayloadSignatureError
from pynenc.serializer.signing import PUBLISHED, PayloadSigner


def import_trigger_modules(app: Any) -> None:
    """Import the modules of ``trigger_task_modules``; one that fails is announced and left out."""
    for name in sorted(app.conf.trigger_task_modules):
        error = contained(partial(importlib.import_module, name)).error
        if error is not None:
            app.engine.events.warning(
                f"trigger_task_modules: {name} cannot be imported ({words(error)}); "
                "its triggers are not known to this runner. Correct the module, and start the runner again"
            )


def publish_application(app: Any) -> None:
    """Store the application's and its tasks' descriptions."""
    signer: PayloadSigner = app.engine.signer
    tasks = {task.key: signer.seal(PUBLISHED, task.key, json.dumps(_task(task))) for task in app.tasks.values()}
    state = app.assembled.backend.state
    if tasks:
        state.publish("task", tasks)
    classes = app.component_classes()._asdict()
    state.publish(
        "app", {app.app_id: json.dumps({"app_id": app.app_id, "start_command": app.start_command, **classes})}
    )


def published_tasks(app: Any) -> dict[str, str]:
    """What runners have published of their tasks; what was not sealed by one is announced and left out.

    Readers may import the modules that the names name.
    """
    found: dict[str, str] = {}
    for key, text in app.engine.state.published("task").items():
        with suppress(PayloadSignatureError):
            found[key] = app.engine.signer.open(PUBLISHED, key, text)
    return found


def _task(task: Any) -> dict[str, Any]:
    try:
        line: int | None = inspect.getsourcelines(task.func)[1]
    except (OSError, TypeError):
        line = None
    return {
        "task_id": task.key,
        "async": task.is_async,
        "signature": str(task.parameters.signature),
        "doc": inspect.getdoc(task.func),
        "line": line,
        "options": json.loads(task.conf.model_dump_json(exclude={"retry_for"})),
        "retry_for": [f"{error.__module__}.{error.__qualname__}" for error in task.retriable_exceptions],
    }
