"""How the files are called that hold networks' graphs (see `qtdog.inference.graph`) in a set."""

import re

GRAPHS = "graphs"
"""Their folder, beside the datasets' folders."""
LARGEST_GRAPH_BYTES = 4 << 20
HASH_DIGITS = 16
GRAPH_FILE = re.compile(rf"[\w.-]+-[0-9a-f]{{{HASH_DIGITS}}}\.onnx", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^\w.-]", re.ASCII)


def graph_name(architecture: str, image_size: int) -> str:
    """The beginning of a graph's file name; after it come the first digits of its SHA-256."""
    return f"{_NOT_IN_NAMES.sub('_', architecture)}-{image_size}px"
