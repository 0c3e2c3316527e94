// Tickets
