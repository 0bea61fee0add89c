"""Processes for tests, from a server that has everything loaded: a tenth of a second each."""

import multiprocessing
import os
from pathlib import Path


def fork_server() -> multiprocessing.context.ForkServerContext:
    """Starts the server, which lasts as long as the tests."""
    context = multiprocessing.get_context("forkserver")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    context.set_forkserver_preload(["pytest", "tiny_runs", "parallel_runs"])
    first = context.Process(target=int)
    first.start()  # starts the server
    first.join()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context


def end_of(process: multiprocessing.Process, seconds: float = 120) -> int:
    """The exit code; a process that hangs is an error."""
    process.join(seconds)
    assert process.exitcode is not None, "it hangs"
    return process.exitcode
