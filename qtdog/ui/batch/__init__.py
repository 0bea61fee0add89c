"""The Batch tab: many pictures through all models."""
