"""What a runner publishes of its application, so that readers never import user code."""

import inspect
import json
from typing import Any


def publish_application(app: Any) -> None:
    """Import the modules with triggers, then store the application's and its tasks' descriptions."""
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
