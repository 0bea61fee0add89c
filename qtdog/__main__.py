"""`python -m qtdog`, and the command `qtdog` of an installed package."""

from qtdog import cli, cores


def main() -> None:
    """The command line in a process of its own."""
    cores.share()  # nothing has loaded torch yet
    cli.main()


if __name__ == "__main__":
    main()
