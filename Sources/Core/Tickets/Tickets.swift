// Tickets.
