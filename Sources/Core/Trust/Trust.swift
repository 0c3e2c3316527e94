// Trust.
