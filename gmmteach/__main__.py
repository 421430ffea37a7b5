"""``python -m gmmteach`` is the ``gmmteach`` command."""

import sys

from gmmteach.cli import main

if __name__ == "__main__":
    sys.exit(main())
