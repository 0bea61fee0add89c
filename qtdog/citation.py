"""How the method's paper is cited."""

CITATION = """@inproceedings{javed2025qtdog,
  title     = {{QT-DoG}: Quantization-aware Training for Domain Generalization},
  author    = {Javed, Saqib and Le, Hieu and Salzmann, Mathieu},
  booktitle = {International Conference on Machine Learning},
  year      = {2025}
}"""
