"""The words of the About tab."""

import os
import re

from qtdog.ui.figures import PAPER
from qtdog.ui.markup import Markup, html

TRAINING = html(
    "<p>Each network learned from all domains but one. From every source domain a fifth of the "
    "pictures was put aside; the training step with the best mean accuracy on these was kept. The "
    "held-out domain chose nothing. QT-DoG is trained in full precision first and with rounded "
    "weights from the quantization step on; full precision of the same seed is the same run up to "
    "there. EoQ answers with the mean of its members' logits.</p>"
    "<p>This is an independent implementation of the method of Javed, Le and Salzmann: "
    '<a href="{}" target="_blank" rel="noopener">QT-DoG, ICML 2025 (arXiv 2410.06020)</a>. '
    "Step sizes are learned as in "
    '<a href="https://arxiv.org/abs/1902.08153" target="_blank" rel="noopener">LSQ (arXiv '
    "1902.08153)</a>; the protocol is "
    '<a href="https://arxiv.org/abs/2007.01434" target="_blank" rel="noopener">DomainBed\'s (arXiv '
    "2007.01434)</a>.</p>",
    PAPER,
)
LICENCE = html(
    "<p>Code and bundled checkpoints: Apache License 2.0. The bundled checkpoints were fine-tuned "
    "from torchvision's ImageNet weights on PACS (Li et al., ICCV 2017); no picture of PACS is "
    "part of this page. The sample pictures were made for it. Checkpoints from elsewhere have the "
    "licence of their source.</p>"
)
PRIVACY = html(
    "<p>Pictures that you upload stay on this server only as long as they are needed and are "
    "deleted within two hours. They are not looked at, kept or used for training. There are no "
    "accounts and no tracking, and your browser asks no other server for anything. Answers in the "
    "quizzes never leave your browser. Whoever runs the server may log addresses, as any web "
    "server can.</p>"
)


def without_server() -> Markup:
    """How to get the explorer that runs in the browser alone; and where it is published beside this
    page, which QTDOG_STATIC_SPACE=ORG/NAME says."""
    name = os.environ.get("QTDOG_STATIC_SPACE", "")
    sister = html("")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII):
        sister = html(
            ' One is published beside this page: <a href="https://huggingface.co/spaces/{}" '
            'target="_blank" rel="noopener">{}</a>.',
            name,
            name,
        )
    return html(
        "<p>The explorer also comes as a folder that any web server serves: its networks answer in "
        "the visitor's browser, a camera live, and no picture leaves the device. "
        "<code>python -m qtdog export-site site</code> writes it.{}</p>",
        sister,
    )
