"""Which weights stand side by side: like is compared with like."""

from collections.abc import Iterable


def averaged_side_by_side(kinds: Iterable[tuple[str, bool]]) -> bool:
    """Whether averaged weights do, of networks given as (method, averaged): those that EoQ is made
    of, else QT-DoG's, else full precision's; one step's where there are both."""
    found = set(kinds)
    for method in ("eoq", "qt-dog", "erm"):
        if (method, False) in found:
            return False
        if (method, True) in found:
            return True
    return False
