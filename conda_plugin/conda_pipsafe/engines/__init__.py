"""Where conda transactions come from: conda itself, in its own process, and py-rattler."""
