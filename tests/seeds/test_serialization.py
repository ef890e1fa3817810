"""Values of users' own classes, a serializer of their own, and large arguments."""

import pytest

SERIALIZER = "path.to.CustomSerializer"

#: What the sketch of a serializer leaves out: its logic, and the names that it gives back.
CUSTOM_LOGIC = {
    "# Implement custom serialization logic": "serialized_obj = repr(obj)",
    "# Implement custom deserialization logic": "obj = ast.literal_eval(serialized_obj)",
}


def write_custom_serializer(folder, snippet):
    code = snippet("custom-serializer")
    for comment, line in CUSTOM_LOGIC.items():
        assert comment in code
        code = code.replace(comment, line)
    folder.write("path/to.py", "import ast", code)


#: A task in place of the ellipsis: the documents show none with the serializer.
ADD = """\
@app.task
def add(x, y):
    return x + y"""

ADD_CALL = """\
import path.to
import tasks

assert type(tasks.app.serializer) is path.to.CustomSerializer
print(tasks.add([1], [2.5]).result)"""


def test_use_case_7(folder, snippet):
    folder.write("tasks.py", snippet("money"), snippet("money-task"))
    folder.write(
        "main.py",
        "import tasks",
        "total = tasks.calculate_total(tasks.Money(2.5, 'EUR'), 4).result",
        "print(type(total) is tasks.Money, total.amount, total.currency, isinstance(total, tasks.JsonSerializable))",
    )
    folder.environ["PYNENC__SERIALIZER_CLS"] = "JsonSerializer"
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["True 10.0 EUR True"]


def test_use_case_7_without_the_two_methods(folder, snippet):
    money, _methods = snippet("money").split("    def to_json")
    folder.write("tasks.py", money, "class Money(Money):\n    pass", snippet("money-task"))
    folder.write(
        "main.py",
        "import tasks",
        "try:\n    tasks.calculate_total(tasks.Money(2.5, 'EUR'), 4)\nexcept TypeError as error:\n    print(error)",
    )
    message = folder.run("main.py", environ={"PYNENC__SERIALIZER_CLS": "JsonSerializer"}).output
    assert "Money" in message
    assert "to_json" in message


def test_use_case_8_by_builder(folder, snippet):
    write_custom_serializer(folder, snippet)
    folder.write("tasks.py", snippet("custom-serializer-builder"), ADD)
    folder.write("main.py", ADD_CALL)
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["[1, 2.5]"]


def test_use_case_8_by_environment(folder, snippet):
    name, value = snippet("custom-serializer-environment").split("=")
    write_custom_serializer(folder, snippet)
    folder.write("tasks.py", "from pynenc import Pynenc\n\napp = Pynenc()", ADD)
    folder.write("main.py", ADD_CALL)
    folder.environ[name] = value.strip('"')
    assert folder.environ == {"PYNENC__SERIALIZER_CLS": SERIALIZER}
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["[1, 2.5]"]


def test_use_case_9(folder, snippet):
    pytest.importorskip("numpy", reason="the snippet of use case 9 needs NumPy")
    tasks, call = snippet("large-array").split("# Large arrays will be")
    folder.write("pyproject.toml", snippet("client-data-configuration"))
    folder.write("tasks.py", tasks)
    folder.write(
        "main.py",
        "import numpy as np\nfrom tasks import app, process_array",
        "# Large arrays will be" + call,
        "print(abs(result.result - large_array.mean()) < 1e-12, app.client_data_store.usage()[0])",
        "print(app.client_data_store.conf.min_size_to_cache, app.client_data_store.conf.local_cache_size)",
    )
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["True 1", "1024 1000"]
