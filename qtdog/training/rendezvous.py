"""How the processes of a run find each other, also after torchrun has started them anew.

torchrun's store outlives the processes and still holds what the lost ones wrote, so new ones would
wait for addresses that nobody answers at (pytorch issue 135712). No count of restarts that all
machines agree on is to be had, so the first process makes up a name for this start, and hands it to
whoever calls by a name that is new, too.
"""

import time
import uuid

# The stores are public by torch's documentation, not by its types.
from torch.distributed import PrefixStore, Store  # pyright: ignore[reportPrivateImportUsage]
from torch.distributed.rendezvous import rendezvous

PAUSE = 0.05  # seconds


def meet() -> tuple[Store, int, int]:
    """A store for this start's processes alone, this one's rank, and how many they are.

    Reads what torchrun puts into the environment.
    """
    store, rank, processes = next(rendezvous("env://"))
    name = uuid.uuid4().hex
    if rank == 0:
        _hand_out(store, name, processes)
    else:
        store.set(f"call/{rank}", name)
        name = store.get(f"answer/{name}").decode()  # waits for it
        store.set(f"{name}/{rank}", "here")
    return PrefixStore(name, store), rank, processes


def _hand_out(store: Store, name: str, processes: int) -> None:
    """Answer calls, those of lost processes too, until all others are here."""
    others = range(1, processes)
    while not store.check([f"{name}/{rank}" for rank in others]):
        for rank in others:
            if store.check([f"call/{rank}"]):
                store.set(f"answer/{store.get(f'call/{rank}').decode()}", name)
        time.sleep(PAUSE)
