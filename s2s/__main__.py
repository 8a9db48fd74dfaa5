"""`python -m s2s` is `s2s-run`."""

import sys

from s2s.cli import main

if __name__ == "__main__":
    sys.argv[0] = "s2s-run"
    main()
