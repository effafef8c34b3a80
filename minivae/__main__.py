import sys

from .cli import run as main

if __name__ == "__main__":
    sys.exit(main())
