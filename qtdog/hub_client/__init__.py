"""What is asked of the Hugging Face Hub, and answers that come in time: files or one sentence.

Everything that is downloaded goes through a `Repository`: checkpoint sets, datasets, start weights.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
