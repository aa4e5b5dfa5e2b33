"""Drive the environment's own pip: plan, policy, install, verify, record. The one place with subprocess for pip."""
