// Selftest.
