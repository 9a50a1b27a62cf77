"""`python -m loopctl`: the command, where no script of that name is on the path."""

import sys

from loopctl.start import main

sys.exit(main())
