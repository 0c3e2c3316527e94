// Records.
