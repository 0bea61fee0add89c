"""Proxies that the environment names, so that Gradio and the Hub's client can live with them."""

import ipaddress
import os
from urllib.request import getproxies

import httpx

SCHEMES = ("http", "https", "all")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def settle() -> list[str]:
    """Never ask a proxy for this machine itself, and do without proxies that cannot be used:
    a sentence for each. To be called before gradio is imported, which fails on them."""
    found = getproxies()  # also a system's settings, where the environment has none
    proxies = {scheme: found[scheme] for scheme in SCHEMES if found.get(scheme)}
    if not proxies:
        return []
    said = []
    for scheme, address in proxies.items():
        _forget(f"{scheme}_proxy")
        if reason := _unusable(address):
            said.append(
                f"The proxy that {scheme.upper()}_PROXY names is not used: {reason}. It can be "
                "http://HOST:PORT or, with the package socksio, socks5://HOST:PORT."
            )
        else:
            os.environ[f"{scheme}_proxy"] = address
    direct = [host.strip() for host in found.get("no", "").split(",") if host.strip()]
    for host in filter(_is_odd, direct):
        said.append(f"NO_PROXY's {host} is not used: it is neither a name nor an address.")
    known = [host for host in direct if not _is_odd(host)]
    _forget("no_proxy")
    os.environ["no_proxy"] = ",".join(dict.fromkeys([*known, *LOOPBACK]))
    return said


def _unusable(address: str) -> str:
    """Why the HTTP client cannot use this proxy; empty if it can."""
    try:
        with httpx.HTTPTransport(proxy=address if "://" in address else f"http://{address}"):
            return ""
    except ImportError:
        return "SOCKS needs a package that is not installed: pip install socksio"
    except (ValueError, httpx.InvalidURL):  # their texts may hold its password
        return "its address is of a kind that is not known"


def _is_odd(host: str) -> bool:
    """Whether the HTTP client stops at this part of NO_PROXY."""
    try:
        ipaddress.ip_address(host)
        return False
    except ValueError:
        pass
    try:
        httpx.URL(host if "://" in host else f"all://*{host}")
        return False
    except httpx.InvalidURL:
        return True


def _forget(name: str) -> None:
    for variable in [one for one in os.environ if one.lower() == name]:
        del os.environ[variable]
