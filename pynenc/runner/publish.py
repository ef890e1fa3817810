"""What a runner publishes of its application, so that readers never import user code."""

import importlib
import inspect
import json
from typing import Any


def import_trigger_modules(app: Any) -> None:
    """Import the modules of ``trigger_task_modules``; one that fails is announced and left out."""
    for name in sorted(app.conf.trigger_task_modules):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - importing user code may raise anything
            app.engine.events.warning(
                f"trigger_task_modules: {name} cannot be imported ({type(error).__name__}: {error}); "
                "its triggers are not known to this runner"
            )


def publish_application(app: Any) -> None:
    """Store the application's and its tasks' descriptions."""
    tasks = {task.key: json.dumps(_task(task)) for task in app.tasks.values()}
    state = app.assembled.backend.state
    if tasks:
        state.publish("task", tasks)
    classes = app.component_classes()._asdict()
    state.publish(
        "app", {app.app_id: json.dumps({"app_id": app.app_id, "start_command": app.start_command, **classes})}
    )


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
