"""`python -m qtdog`."""

from qtdog.cli import main

if __name__ == "__main__":
    main()
