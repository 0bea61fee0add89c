"""Who can reach the page: this machine alone, or others too."""

import ipaddress
import os
import socket


def only_here(host: str | None = None, root_path: str | None = None) -> bool:
    """Whether a page that listens on `host` (default: what Gradio takes, this machine) is for this
    machine alone: not a Space, not shared, and not behind a proxy that gives it a `root_path`."""
    if os.environ.get("SPACE_ID") or os.environ.get("GRADIO_SHARE", "").lower() == "true":
        return False
    if root_path or os.environ.get("GRADIO_ROOT_PATH"):
        return False
    return on_loopback(host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1")


def on_loopback(host: str) -> bool:
    """Whether a server's address or name is this machine's own, to itself alone."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(one[4][0]).split("%")[0]).is_loopback for one in found)


def names_this_machine(host: str) -> bool:
    """Whether the Host of a request ("localhost:7860", "[::1]") can only mean this machine. Nothing
    is looked up: a name of somebody else's may lead here for a moment (DNS rebinding)."""
    name = host.rsplit("]", 1)[0].strip("[") if host.startswith("[") else host.split(":")[0]
    name = name.rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
