"""The subcommands, one file each: options, call, render, exit code."""
