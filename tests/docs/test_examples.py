"""The programs under examples/ work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


def test_demo(tmp_path):
    assert Path(sys.executable).with_name("pynenc").exists(), "the demo needs the package installed: pip install -e ."
    ran = subprocess.run(
        (sys.executable, ROOT / "examples" / "demo" / "run.py"),
        capture_output=True,
        text=True,
        check=False,
        env={"TMPDIR": str(tmp_path), "PYNENC__DEV_MODE_FORCE_SYNC_TASKS": "True"},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1,973 invocations that wait for one another, on a single slot" in ran.stdout
    assert "running_recovery  by the runner" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_pipeline(tmp_path):
    ran = subprocess.run(
        (sys.executable, ROOT / "examples" / "pipeline" / "run.py"),
        capture_output=True,
        text=True,
        check=False,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines() == [
        "charged book 30",
        "charged lamp 70",
        "gave back car (500 is more than 100)",
        "digest: 2 charged, 1 given back",
        "charge because of event order.arrived",
        "charge because of event order.arrived",
        "charge because of event order.arrived",
        "give_back because of tasks.charge fails with CardRefusedError",
        "digest because of event inbox.emptied and event day.closed",
    ]
    assert ran.stderr == ""
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_order_workflow(tmp_path):
    ran = subprocess.run(
        (sys.executable, ROOT / "examples" / "order_workflow" / "run.py"),
        capture_output=True,
        text=True,
        check=False,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == ORDERS


#: What the example prints: each effect once, but for the question that the carrier did not answer.
ORDERS = """\
order A1: delivered
  received by: a neighbour
  retries: 1
  tracking number as in its data: True
  audited in a workflow below it: True
  data: payment_id, reservation, tracking_number
  recorded: random, time, reserve_stock, reservation, process_payment, payment_id, book carrier, sleep, audit, \
tracking_number, delivered, delivered
  A1: stock reserved
  A1: 120 charged
  A1: carrier asked
  A1: carrier asked
  A1: carrier booked
  A1: audited
order B2: declined
  reason: 5000 is above the limit of the card
  recorded: random, time, reserve_stock, reservation, process_payment, release_stock
  B2: stock reserved
  B2: payment declined
  B2: stock released
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("product", "broker"), [("redis", "RedisBroker"), ("rabbitmq", "RabbitMqBroker")])
def test_distributed(tmp_path, product, broker):
    ran = subprocess.run(
        (sys.executable, ROOT / "examples" / "distributed" / "run.py", product),
        capture_output=True,
        text=True,
        check=False,
        # The plugins may be on the path of this session and not installed.
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT)), "HOME": str(tmp_path)},
    )
    if "ServerMissingError" in ran.stderr and not os.environ.get("CI"):
        pytest.skip(ran.stderr.splitlines()[-1])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines() == [
        "runners: 2",
        f"broker: {broker}",
        "add(1, 2): 3",
        "sleep(0.1): 0.1",
        "sums: [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]",
        "naps: [0.3, 0.3, 0.3, 0.3, 0.3, 0.3]",
    ]
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"
