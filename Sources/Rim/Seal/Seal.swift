// Seal.
