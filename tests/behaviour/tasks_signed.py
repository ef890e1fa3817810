"""Tasks whose values are tampered with in the store."""

from behaviour_app import app

from pynenc.exceptions import SerializationError
from pynenc.trigger import TriggerBuilder

#: Every payload holds it, and a forged one of the same length takes its place.
GENUINE, FORGED = "genuine", "forgery"
#: Goes out of line.
LARGE = GENUINE * 1000


@app.task
def echo(text: str) -> str:
    return text


@app.task(max_retries=3, retry_for=(SerializationError, ValueError))
def retried(text: str) -> str:
    return text


@app.task
def nothing() -> str:
    return GENUINE


@app.task
async def echo_async(text: str) -> str:
    return text


@app.task
def failing(text: str) -> None:
    raise ValueError(text)


@app.task
def remembering(text: str) -> str:
    wf = remembering.wf
    wf.set_data("key", text)
    return str(wf.step("step", str.upper, text)) + wf.step("as it is", str, text)


@app.task(triggers=TriggerBuilder().on_event("signed", {"text": GENUINE}).with_args_static({"text": GENUINE}))
def triggered(text: str) -> str:
    return text


@app.task
def waiting_for_it() -> str:
    event = waiting_for_it.wf.wait_event("signed", {"text": GENUINE})
    return str(event.payload["text"])
