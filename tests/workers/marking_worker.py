"""The worker process of the tests: workers/__main__.py with another program."""

from config.loader import load_settings
from config.logs import configure
from tests.workers.processes import marking_program
from workers.main import run

if __name__ == "__main__":
    loaded = load_settings()
    configure("worker", loaded.settings.log_level)
    run(loaded.settings, loaded.warnings, None, marking_program())
