// GateProgram.
