"""What happens inside a conda command: look, warn or refuse, look again, say what changed.

These hooks observe. A fault in them is logged and the user's command goes on; only the refusals that the mode asks
for are let through.
"""
