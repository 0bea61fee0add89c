"""Who can reach the page, and under which names: this machine alone, or others too."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")  # name or address, and port
_ORIGIN = re.compile(r"https?://(.*)", re.I)


@dataclass(frozen=True)
class Names:
    """The hosts that a request may name, and whose pages it may come from."""

    any: bool = False
    """All: a page that listens to other machines is asked under names that it cannot know."""
    proxy: str = ""
    """The host of the address that a proxy serves the page at."""

    @classmethod
    def of(cls, host: str | None = None, root_path: str | None = None) -> "Names":
        """Those of a page that listens on `host` behind a proxy with this `root_path`."""
        root_path = root_path or os.environ.get("GRADIO_ROOT_PATH") or ""
        return cls(not _listens_here(host), (urlsplit(root_path).hostname or "").lower())

    def hold(self, host: str) -> bool:
        """Whether a request may have that Host."""
        return (
            self.any or names_this_machine(host) or (bool(self.proxy) and _name(host) == self.proxy)
        )

    def hold_origin(self, origin: str) -> bool:
        """Whether a request may have that Origin: a browser says so whose page is asking."""
        found = _ORIGIN.fullmatch(origin)
        return self.any or (found is not None and self.hold(found[1]))


def only_here(host: str | None = None, root_path: str | None = None) -> bool:
    """Whether a page that listens on `host` (default: what Gradio takes, this machine) is for this
    machine alone: not a Space, not shared, and not behind a proxy that gives it a `root_path`."""
    return _listens_here(host) and not (root_path or os.environ.get("GRADIO_ROOT_PATH"))


def _listens_here(host: str | None) -> bool:
    """Whether others reach a page only through another program on this machine."""
    if os.environ.get("SPACE_ID") or os.environ.get("GRADIO_SHARE", "").lower() == "true":
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
    is looked up: a name of somebody else's may lead here for a moment (DNS rebinding); nor are
    other spellings of localhost taken, which other programs take for foreign names."""
    name = _name(host)
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def _name(host: str) -> str:
    """A Host without its port; empty for what is none."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""
