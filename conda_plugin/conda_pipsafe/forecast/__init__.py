"""What a change would do: a pure function from a snapshot and a transaction to findings."""
