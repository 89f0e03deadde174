"""`python -m demo.run [--once] [--seed N]`: the whole loop, live, on a private PostgreSQL."""

from __future__ import annotations

import sys

from demo.keep.interrupt import Interrupts, Stopped


def main() -> None:
    """Take over the signals first: everything after this line can be stopped cleanly."""
    interrupts = Interrupts()
    try:
        interrupts.install()
        from demo.runner import run

        status = run(sys.argv[1:], interrupts)
    except Stopped as stopped:
        print(f"demo: stopped ({stopped})", file=sys.stderr)
        status = stopped.exit_status
    except BrokenPipeError:
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
