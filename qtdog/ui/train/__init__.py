"""The Train it tab: two moons' networks trained in the visitor's own browser."""
