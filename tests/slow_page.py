"""The page on networks that take their time over an explanation: for tests of who waits."""

import sys
import time
from pathlib import Path

from PIL import Image

from qtdog.explorer import Explanation, Explorer
from qtdog.ui import build

# Longer than the second after which those who wait are told their place.
SECONDS = 2


class SlowExplorer(Explorer):
    def explain(
        self, image: Image.Image, target: str, label: str | None = None
    ) -> tuple[Explanation, ...]:
        """As always, but later."""
        time.sleep(SECONDS)
        return super().explain(image, target, label)


def main(checkpoints: Path, port: int) -> None:
    """Serve until it is killed."""
    build(SlowExplorer(checkpoints)).launch(server_port=port, ssr_mode=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
