"""What tools that look at functions see of a task: the user's function."""

import inspect
import pydoc
from typing import Any

from pynenc import Pynenc, Task

app = Pynenc(app_id="as-function")


def marked(func: Any) -> Any:
    func.owner = "billing"
    func.key = "not the task's"
    func.run = "neither"
    return func


@app.task
@marked
def add(x: int, y: int = 2) -> int:
    """Add two numbers."""
    return x + y


@app.task
async def silent(x: int) -> int:
    return x


PLAIN: Any = vars(pydoc)["plaintext"]


def rendered(thing):
    return pydoc.render_doc(thing, renderer=PLAIN)


def test_help_shows_the_function():
    assert rendered(add).splitlines()[2:] == ["add(x: int, y: int = 2) -> int", "    Add two numbers."]
    assert rendered(silent).splitlines()[2:] == ["silent(x: int) -> int"]


def test_help_of_the_class_shows_the_class():
    assert "A function that can be run elsewhere" in rendered(Task)


def test_names_text_and_signature():
    assert (add.__name__, add.__qualname__, add.__module__, add.__doc__) == ("add", "add", __name__, "Add two numbers.")
    assert add.__wrapped__ is add.func
    assert silent.__doc__ is None
    assert str(inspect.signature(add)) == "(x: int, y: int = 2) -> int"
    assert inspect.unwrap(add) is add.func
    assert inspect.isroutine(add)


def test_attributes_of_the_function_are_there_and_replace_nothing():
    assert vars(add)["owner"] == "billing"
    assert add.key == f"{__name__}.add"
    assert callable(add.run)


def test_a_task_is_itself_as_an_attribute_of_a_class():
    class Service:
        add = add

    assert Service.add is add
    assert Service().add is add
