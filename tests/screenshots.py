"""Pictures of every tab of the page at the sizes and in the modes it is used in.

python tests/screenshots.py FOLDER [CHECKPOINTS]
python tests/screenshots.py --readme

The second writes the README's two, of Try it with a sample, to docs/images/.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from servers import CHROMIUM_FLAGS, ROOT, chromium, running_app
from tabs import SHOWS

SIZES = {"phone": (390, 844), "desktop": (1280, 800), "projector": (1920, 1080)}
SETTLE_MS = 4000  # figures and samples come after the first sight of a tab
TIMEOUT_MS = 90_000


def main(folder: Path, checkpoints: Path) -> None:
    """Write <tab>-<size>-<mode>.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_app(checkpoints) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        for tab, shown in SHOWS.items():
            for size, (width, height) in SIZES.items():
                for mode in ("light", "dark"):
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=mode
                    )
                    page.set_default_timeout(TIMEOUT_MS)
                    page.goto(f"{address}?tab={tab}")
                    page.locator(f"{shown} >> visible=true").first.wait_for()
                    page.wait_for_timeout(SETTLE_MS)
                    page.screenshot(path=folder / f"{tab}-{size}-{mode}.png", full_page=True)
                    page.close()
        browser.close()


def readme(folder: Path) -> None:
    """Write try-light.webp and try-dark.webp into `folder`, as sharp as on a dense display."""
    with running_app(ROOT / "checkpoints") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        for mode in ("light", "dark"):
            width, height = SIZES["desktop"]
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme=mode,
                device_scale_factor=1.5,
            )
            page.set_default_timeout(TIMEOUT_MS)
            page.goto(f"{address}?sample=dog-pencil&domain=pacs/sketch")
            page.locator(f"{SHOWS['try']} >> visible=true").nth(2).wait_for()
            page.wait_for_timeout(SETTLE_MS)
            shot = Image.open(io.BytesIO(page.screenshot()))
            shot.save(folder / f"try-{mode}.webp", quality=85, method=6)
            page.close()
        browser.close()


if __name__ == "__main__" and sys.argv[1] == "--readme":
    readme(ROOT / "docs" / "images")
elif __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "checkpoints")
