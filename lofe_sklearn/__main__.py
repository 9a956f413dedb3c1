"""``python -m lofe_sklearn``: the demo."""

from lofe_sklearn._demo import main

if __name__ == "__main__":
    main()
