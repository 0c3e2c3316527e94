// Agent.
