// Broker.
