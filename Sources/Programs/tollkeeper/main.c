// The C entry, so that argc and argv reach Embedded Swift as they are.
int tollkeeper_main(int argc, char **argv);

int main(int argc, char **argv) { return tollkeeper_main(argc, argv); }
