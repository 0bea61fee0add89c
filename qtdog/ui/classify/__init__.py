"""The Try it tab: a picture in, three models side by side out, and where they look."""
