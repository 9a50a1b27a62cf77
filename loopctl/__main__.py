"""`python -m loopctl`: the command, where no script of that name is on the path."""

import sys

from loopctl.cli.main import main

sys.exit(main())
