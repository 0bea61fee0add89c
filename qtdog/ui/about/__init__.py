"""The About tab: the checkpoints, how they came about, citation, licence, privacy; other sets."""
