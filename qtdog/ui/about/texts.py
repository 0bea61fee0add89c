"""The words of the About tab."""

from qtdog.ui.figures import PAPER
from qtdog.ui.markup import html

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
