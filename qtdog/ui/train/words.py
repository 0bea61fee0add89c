"""What the Train it tab says before its modules are there."""

from qtdog.ui.markup import html

NO_SCRIPT = html(
    "<noscript>This tab trains networks in the browser and needs JavaScript.</noscript>"
)
NO_RECORD = (
    "What this tab claims comes from a stored run, which cannot be read: python -m qtdog toy "
    "makes it anew."
)
