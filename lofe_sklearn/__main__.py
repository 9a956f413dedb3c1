"""``python -m lofe_sklearn``: the program ``lofe``."""

from lofe_sklearn._command_line import main

if __name__ == "__main__":
    main()
