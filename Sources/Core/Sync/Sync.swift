// Sync.
