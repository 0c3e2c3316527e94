// Rings.
