"""heap: what the agent allocates after its start. Three ways to know: how it was compiled, what it
imports, and a counting malloc under a run with scans and one without.
"""

import glob
import os
import random
import re
import shutil
import subprocess

from agents import NODE, Agent, site, tickets
from network import PROGRAMS, ROOT, Failed

SCANS = 10_000
SECONDS_MAX = 120
# malloc and its kin, and what hands out memory that it has made with them.
ALLOCATING = re.compile(
    r"(m|c|re|v|pv|aligned_|rec?)alloc(array)?|reallocarray|(posix_)?memalign|strn?dup|v?asprintf"
    r"|getline|getdelim|open_memstream|scandir|swift_(alloc|slowAlloc|retain).*|_Zn[wa].*")


def modules():
    """The Swift modules of the agent as they were last compiled, and whether each was proved."""
    with open(os.path.join(ROOT, ".build", "host", "release.yaml"), encoding="utf-8") as file:
        for line in file:
            found = re.search(r'"-module-name","([^"]+)","-emit-dependencies"', line)
            # Without objects it only stands in the plan.
            if found and glob.glob(
                    os.path.join(ROOT, ".build/host/release", f"{found[1]}.build", "*.o")):
                yield found[1], '"-no-allocations"' in line


def imports():
    """The allocating functions that the agent calls in its libraries."""
    done = subprocess.run(
        ["nm", "-D", "--undefined-only", os.path.join(PROGRAMS, "tollkeeper")], text=True,
        capture_output=True, check=False)
    if done.returncode != 0 or "fdatasync" not in done.stdout:
        raise Failed(f"the agent's imports cannot be read\n{done.stderr.strip()}")
    names = [line.split()[-1].split("@")[0] for line in done.stdout.splitlines()]
    return [name for name in names if ALLOCATING.fullmatch(name)]


def counter(network):
    """Compiles the counting malloc."""
    library = network.path("count_allocations.so")
    source = os.path.join(ROOT, "scripts", "benches", "count_allocations.c")
    done = subprocess.run(
        ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, source], text=True,
        capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"the counting malloc does not compile\n{done.stderr.strip()}")
    return library


def codes(network):
    """Good tickets, tickets again, and what is none: 10,000 lines."""
    good = tickets(network, SCANS * 8 // 10)
    lines = good + random.Random(1).sample(good, SCANS // 10)
    lines += ["not a ticket", "", "A" * 5000, good[0][:-2] + "00"] * (SCANS // 40)
    random.Random(2).shuffle(lines)
    return lines


def allocations(network, library, lines):
    """Allocations of a run over `lines`, from exec to exit, in a state of its own."""
    shutil.rmtree(network.path(f"gate-{NODE}"), ignore_errors=True)
    network.write("codes", "".join(line + "\n" for line in lines))
    count = network.path("allocations")
    with open(network.path("codes"), "rb") as stdin, open(network.path("verdicts"), "wb") as stdout:
        agent = Agent(
            network, "--until-end", stdin=stdin, stdout=stdout,
            environment={"LD_PRELOAD": library, "COUNT_ALLOCATIONS": count})
        agent.wait_end(SECONDS_MAX)
    with open(network.path("verdicts"), "rb") as file:
        verdicts = sum(1 for _ in file)
    if verdicts != len(lines):
        raise Failed(f"{len(lines)} codes, and {verdicts} verdicts")
    with open(count, encoding="utf-8") as file:
        return int(file.read())


def bench(figures):
    compiled = dict(modules())
    if "Agent" not in compiled:
        raise Failed("the agent's build plan is not there: run scripts/build")
    unproved = [name for name, is_proved in compiled.items() if not is_proved]
    called = imports()
    for name in unproved + called:
        figures.part("heap.suspect", 1, name)
    figures.part("heap.modules", len(compiled), "Swift modules compiled for the agent")
    figures.figure("heap.unproved", len(unproved), "of them without -no-allocations", "<= 0")
    figures.figure("heap.imports", len(called), "allocating functions that it imports", "<= 0")
    with site(figures) as network:
        library, lines = counter(network), codes(network)
        figures.progress(f"heap: {SCANS} scans, and none")
        none = allocations(network, library, [])
        some = allocations(network, library, lines)
    if none == 0:
        raise Failed("the counting malloc counts nothing: is the agent linked statically?")
    figures.part("heap.start", none, "allocations of start and stop, by libraries")
    figures.figure("heap.scans", some - none, f"allocations more with {SCANS} scans", "<= 0")
