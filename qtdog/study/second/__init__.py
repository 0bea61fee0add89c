"""The second study's report: what its records say, by the rules that `docs/study.md` set before."""
