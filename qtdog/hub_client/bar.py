"""Downloads on the terminal."""

from tqdm import tqdm

from qtdog.hub_client.transfer import DownloadProgress


def download_bar() -> DownloadProgress:
    """A bar on the terminal for every download of more than a moment."""
    bars: list[tqdm] = []

    def show(done: int, total: int) -> None:
        if not bars or bars[-1].total != total or done < bars[-1].n:
            bars.append(tqdm(total=total, desc="downloading", unit="B", unit_scale=True, delay=1))
        bars[-1].update(done - bars[-1].n)
        if done >= total:
            bars[-1].close()

    return show
