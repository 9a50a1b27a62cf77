"""The library's test case for recorders. The module that it is in imports a cipher too, of a package that only the
library's own encryption needs: something else of that name stands there meanwhile."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

CIPHER = "eventsourcing.cipher"

if TYPE_CHECKING:
    from eventsourcing.tests.persistence import ApplicationRecorderTestCase
else:
    there = sys.modules.get(CIPHER)
    sys.modules[CIPHER] = ModuleType(CIPHER)
    sys.modules[CIPHER].AESCipher = object
    try:
        from eventsourcing.tests.persistence import ApplicationRecorderTestCase
    finally:
        del sys.modules[CIPHER]
        if there is not None:
            sys.modules[CIPHER] = there


class RecorderTestCase(ApplicationRecorderTestCase[Any]):
    """Not collected: most of theirs are about writing."""

    __test__ = False
