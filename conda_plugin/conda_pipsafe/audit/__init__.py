"""What is wrong now: checks from a snapshot to findings, and the catalogue that explains them."""
