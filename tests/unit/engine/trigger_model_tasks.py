"""What random triggers start."""

from pynenc import Pynenc

app = Pynenc(app_id="model")


@app.task
def target(n: int) -> int:
    return n
