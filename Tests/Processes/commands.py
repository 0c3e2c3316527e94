"""Running the programs' commands, and what that needs."""

import json
import os
import random
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TOLLKEEPER_BIN", ROOT / ".build/bin")).resolve()
DEADLINE_S = int(os.environ.get("TOLLKEEPER_DEADLINE_S", 90))
EVENT, ZONE = 2026, 1
VALIDATOR = 1


def run(*command, status=0, **options):
    """Runs a program to its end, which must be with `status`; returns it with its output."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if "input" in options:
        del options["stdin"]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=DEADLINE_S, **options)
    if status is not None and done.returncode != status:
        raise AssertionError(
            f"{' '.join(map(str, command))} ended with {done.returncode}, not {status}:\n"
            f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done


def tollctl(*words):
    """What a command of tollctl says, as JSON objects."""
    done = run(BIN / "tollctl", *words, "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


def tollkeeper(*words, **options):
    return run(BIN / "tollkeeper", *words, **options)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def random_source(test):
    """A source whose seed is printed, and can be given again by TOLLKEEPER_SEED."""
    seed = int(os.environ.get("TOLLKEEPER_SEED") or random.randrange(1 << 32))
    print(f"seed {seed} of {test.id()}", flush=True)
    return random.Random(seed)


def toml(pairs):
    """`{key: value}` as lines; a dictionary as value is a table, at the end."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in pairs.items()
             if not isinstance(value, dict)]
    for name, table in pairs.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", toml(table)]
    return "\n".join(lines) + "\n"
