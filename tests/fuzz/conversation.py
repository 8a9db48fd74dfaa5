"""Many conversations of any events in any order: python -m tests.fuzz.conversation --examples 10000."""

from __future__ import annotations

import argparse

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conversation.test_reducer import Conversation


def main() -> None:
    """Run until an invariant is broken, or all examples have held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    examples = parser.parse_args().examples
    drawn = settings(max_examples=examples, stateful_step_count=50, deadline=None, database=None)
    run_state_machine_as_test(Conversation, settings=drawn)
    print(f"{examples} conversations of up to 50 events: every invariant held")


if __name__ == "__main__":
    main()
