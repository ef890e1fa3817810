"""``python -m pynenc``: the command line."""

from pynenc.cli.main import main

if __name__ == "__main__":
    main()
