"""The app of all task modules here; tests put their own in its place, with the same id."""

from pynenc import Pynenc
from pynenc.testing.apps import APP_ID

app = Pynenc(app_id=APP_ID)
