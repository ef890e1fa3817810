"""Use case 11: the workflow of an order, and one of its own inside of it."""

#: What the snippet leaves out.
PRELUDE = "from typing import Any"
PAYMENT = """\
@app.task
def process_payment(order_id: str) -> dict[str, str]:
    return {"payment_id": f"PAY-{order_id}", "status": "paid"}


@app.task
def order_with_audit(order_id: str) -> list[dict[str, Any]]:
    return [process_order_workflow(order_id).result, independent_audit_workflow(order_id).result]"""

CALLS = """\
import tasks

invocation = tasks.process_order_workflow("42")
order = invocation.result
assert order["tracking_number"].startswith("TRK-42-"), order
assert order["workflow_id"] == invocation.invocation_id
print(order["order_id"], order["payment_status"])
print(sorted(tasks.app.workflows.data(invocation.invocation_id)))

outer = tasks.order_with_audit("43")
inner, audit = outer.result
print(inner["workflow_id"] == outer.invocation_id, audit["workflow_id"] == outer.invocation_id)
print(tasks.app.workflows.get(audit["workflow_id"]).parent_workflow_id == outer.invocation_id)"""


def test_use_case_11(folder, snippet):
    folder.write("tasks.py", PRELUDE, snippet("order-workflow"), PAYMENT)
    folder.write("main.py", CALLS)
    with folder.runner("pynenc --app=tasks.app runner start"):
        assert folder.run("main.py").lines == ["42 paid", "['payment_id', 'tracking_number']", "True False", "True"]
