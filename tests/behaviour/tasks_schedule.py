"""A task that starts at each second."""

from behaviour_app import app

from pynenc.trigger import on_cron


@app.task(triggers=on_cron("* * * * * *", seconds=True))
def each_second() -> None:
    pass
