"""`python -m gdpeer` is the `gdpeer` command."""

from gdpeer.cli.__main__ import main

if __name__ == "__main__":
    main()
