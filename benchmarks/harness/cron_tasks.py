"""What ``cron_minutes`` runs."""

from pynenc import Pynenc
from pynenc.trigger import on_cron

app = Pynenc(app_id="cron_minutes")


@app.task(triggers=on_cron("* * * * *"))
def each_minute() -> None:
    """Once a minute."""
