"""Start the explorer: `python app.py`, at home or as a Hugging Face Space."""

from qtdog.cli import start_page

if __name__ == "__main__":
    start_page()
