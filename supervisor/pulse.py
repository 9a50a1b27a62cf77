"""The pipe through which a child shows that it moves, seen from the side that looks."""

import os


class Pulse:
    """Both ends stay open here: the child that is started after another one writes to the same."""

    def __init__(self) -> None:
        self._reads, self.writes = os.pipe()
        os.set_blocking(self._reads, False)
        os.set_blocking(self.writes, False)

    def moved(self) -> bool:
        """Since it was asked last."""
        try:
            return bool(os.read(self._reads, 1 << 16))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._reads)
        os.close(self.writes)
