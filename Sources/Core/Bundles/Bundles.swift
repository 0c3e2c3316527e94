// Bundles.
