"""The command `s2s-listen-and-play`, from a checkout."""

import sys

from s2s.clients.listen_and_play import main

if __name__ == "__main__":
    sys.exit(main())
