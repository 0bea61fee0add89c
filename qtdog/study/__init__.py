"""What the runs of the sweep amount to: rows of measured.csv, EoQ's members, REPORT.md."""
