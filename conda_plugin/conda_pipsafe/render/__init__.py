"""Findings, plans, ledgers as text and JSON. No input, no output, no decisions."""
