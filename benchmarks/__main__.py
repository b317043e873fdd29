"""`python -m benchmarks mock|bench`: the benchmarks without the proxy."""

import sys

from benchmarks.commands import main

if __name__ == "__main__":
    sys.exit(main())
