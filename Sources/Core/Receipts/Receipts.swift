// Receipts.
