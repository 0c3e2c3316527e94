"""Whether everything adds up: codes, verdicts, counters, rings on disk, ledger."""

import collections


def counted(verdicts):
    return collections.Counter(verdict["result"] for verdict in verdicts)


def audit(network, gates, scans, statuses, shared):
    """What does not add up, one sentence each, and the numbers of the last line."""
    wrong = []

    def check(sentence, *values):
        if any(value != values[0] for value in values):
            wrong.append(f"{sentence}: {' / '.join(map(str, values))}")

    devices, duplicates, totals = network.report()
    rings = {gate.node: gate.ring_check() for gate in gates}
    for gate in gates:
        node, ring, status = gate.node, rings[gate.node], statuses[gate.node]
        row, counts = devices.get(node, collections.defaultdict(int)), counted(gate.verdicts)
        seen, admitted = len(gate.verdicts), counts["valid"]
        check(f"gate {node}: codes, verdicts, scans in the ledger",
              len(scans[node]), seen, row["scans"])
        check(f"gate {node}: admitted by verdict, status, ring, ledger", admitted,
              status["admitted"], ring["admissions_recorded"], row["admitted"])
        check(f"gate {node}: refused by verdict, status, ring, ledger", seen - admitted,
              status["refused"], ring["refusals_recorded"], row["refused"])
        check(f"gate {node}: reasons by verdict, ledger", dict(sorted(counts.items())),
              dict(sorted((row["reasons"] or {}).items())))
        for name in ("admissions_recorded", "admissions_receipted", "refusals_recorded",
                     "refusals_receipted"):
            check(f"gate {node}: {name} by status, ring", status[name], ring[name])
        for name in ("corrupt_blocks", "missing_records"):
            check(f"gate {node}: {name} in the ring", 0, ring[name])
        for name in ("unreceipted", "admitted_unrecorded", "refused_unrecorded"):
            check(f"gate {node}: {name}", 0, status[name])
        for place, (scan, verdict) in enumerate(zip(scans[node], gate.verdicts)):
            check(f"gate {node}, scan {place + 1}: expected, verdict", scan.expected,
                  verdict["result"])
            if verdict["ticket"] is not None:
                check(f"gate {node}, scan {place + 1}: ticket, verdict's ticket", scan.ticket,
                      verdict["ticket"])
    admissions = [verdict["ticket"] for gate in gates for verdict in gate.verdicts
                  if verdict["result"] == "valid"]
    check("admissions after a ticket's first, duplicates in the ledger",
          len(admissions) - len(set(admissions)), len(duplicates), totals["duplicates"])
    check("tickets shown at both gates, duplicates that are concurrent", shared,
          totals["concurrent"])
    for name in ("gaps", "evidence", "quarantined"):
        check(f"{name} in the ledger", 0, totals[name])

    def summed(name):
        return sum(ring[name] for ring in rings.values())

    admitted, refused = summed("admissions_recorded"), summed("refusals_recorded")
    settled = summed("admissions_receipted") + summed("refusals_receipted")
    line = {"scans": admitted + refused, "admitted": admitted, "refused": refused,
            "settled": settled, "duplicates": totals["duplicates"],
            "lost": admitted + refused - settled}
    check("scans in the rings, in the ledger", line["scans"], totals["scans"])
    check("lost", 0, line["lost"])
    return wrong, "demo: " + " ".join(f"{name}={value}" for name, value in line.items())
