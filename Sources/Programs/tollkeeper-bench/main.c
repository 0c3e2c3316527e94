// The C entry, as the agent has it: the benches are built in the agent's mode.
int bench_main(int argc, char **argv);

int main(int argc, char **argv) { return bench_main(argc, argv); }
