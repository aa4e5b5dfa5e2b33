"""A conda channel made on the spot, and environments from it: no network channel is needed.

`pipsafe demo` and the tests build their packages here:

- `package`: a conda package described as a value, written as ``.conda`` or ``.tar.bz2``;
- `channel`: a folder that conda and py-rattler accept as a channel;
- `wheels`, `wheel_package`: tiny wheels, and conda packages made from any wheel;
- `python_package`, `pip_package`: ``python`` from an interpreter of this machine, and its pip;
- `environment`: create an environment from the channel, with py-rattler or with conda.

Needs the extra ``standalone``; nothing of it is imported when this package is.
"""
