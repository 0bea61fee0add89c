"""app.py in a process that writes down what it opens: for tests of who reads which file."""

import os
import runpy
import sys
import threading


def main(record: str, arguments: list[str]) -> None:
    """Run app.py with `arguments`; `record` gets the real path of each file that is opened, one a
    line, those that cannot be opened included."""
    line = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    here = threading.local()

    def watch(event: str, details: tuple) -> None:
        if event != "open" or not isinstance(details[0], str | bytes) or getattr(here, "on", None):
            return
        here.on = True  # what is done here is not to be watched
        try:
            os.write(line, os.fsencode(os.path.realpath(os.fsdecode(details[0]))) + b"\n")
        finally:
            here.on = False

    sys.addaudithook(watch)
    sys.argv = ["app.py", *arguments]
    runpy.run_path("app.py", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
