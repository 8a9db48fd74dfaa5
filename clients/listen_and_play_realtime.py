"""The command `s2s-listen-and-play-realtime`, from a checkout."""

import sys

from s2s.clients.listen_and_play_realtime import main

if __name__ == "__main__":
    sys.exit(main())
