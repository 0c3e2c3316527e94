"""From scan to settlement: two gates decide alone, then each gets a window.

The last line is computed from the gates' rings and the validator's ledger; what the story expects
is checked against it, and exit status 1 says that something does not add up.
"""

import collections
import random
import signal
import sys
import time

from audit import audit, counted
from network import Failed, Network, wait_until
from stage import Stage

FIRST, SECOND = 1001, 1002
# Seconds from a gate's start to its window.
OPENS = {FIRST: 8, SECOND: 11}
SCANNING_S = 4.5
SHARED = 24
SOLD = 20
AGAIN = 6
END_S = 35

Scan = collections.namedtuple("Scan", "ticket code expected")


def prepare(network):
    """Keys, 1,000 tickets and the trust document. Returns the scans of each gate, and the tickets
    that only one gate will have seen."""
    network.key("authority")
    network.key("forger")
    issuer, validator = network.key("issuer"), network.key("validator")
    shop = network.key("shop")
    for node in network.nodes:
        network.key(f"gate-{node}")
    good = network.mint("issuer", 900)
    revoked = network.mint("issuer", 20)
    refused = {
        # The forger claims the issuer's key id, or owns up to a key that nobody trusts.
        "bad_signature": network.mint("forger", 20, "--kid", issuer["kid"]),
        "unknown_key": network.mint("forger", 5),
        "revoked": revoked,
        "expired": network.mint("issuer", 20, "--from", "-2d", "--until", "-1d"),
        "not_yet_valid": network.mint("issuer", 15, "--from", "+1d"),
        "wrong_zone": network.mint("issuer", 20, zones=0x2),
    }
    sold, refunded = network.sell("shop", SOLD), network.sell("shop", 2)
    network.sign_trust(issuer, validator, [ticket for ticket, _ in revoked], shop,
                       [seed for seed, _ in refunded])

    shared, rest = good[:SHARED], good[SHARED:]
    scans, alone = {}, {}
    for place, node in enumerate(network.nodes):
        alone[node] = rest[place::2]
        first = [Scan(*ticket, "valid") for ticket in shared + alone[node]]
        for reason, tickets in refused.items():
            first += [Scan(*ticket, reason) for ticket in tickets[place::2]]
        first += [Scan(*ticket, "valid") for ticket in sold[place::2]]
        first += [Scan(*ticket, "revoked") for ticket in refunded[place::2]]
        random.Random(node).shuffle(first)
        scans[node] = with_second_tries(first, alone[node][:AGAIN])
    return scans, alone, issuer


def with_second_tries(scans, tickets):
    """Some who are in hand their ticket over the fence, a few scans later."""
    for ticket, code in tickets:
        place = next(i for i, scan in enumerate(scans) if scan.ticket == ticket)
        scans.insert(min(place + 25, len(scans)), Scan(ticket, code, "used"))
    return scans


def summary(stage, gate, whole):
    counts = counted(list(gate.verdicts))
    seen, admitted = sum(counts.values()), counts["valid"]
    return (f"gate {gate.node} {stage.bar(seen, whole)} {seen:4} of {whole}"
            f"   admitted {admitted:3}   refused {seen - admitted:2}")


def scan_all(stage, gates, scans):
    """Feeds both gates at the pace of a busy entrance."""
    start, sent = time.monotonic(), 0.0
    while sent < 1 or any(len(gate.verdicts) < len(scans[gate.node]) for gate in gates):
        now = min((time.monotonic() - start) / SCANNING_S, 1)
        for gate in gates:
            mine = scans[gate.node]
            gate.scan(scan.code for scan in mine[int(sent * len(mine)):int(now * len(mine))])
            gate.is_up()
        sent = now
        stage.draw([summary(stage, gate, len(scans[gate.node])) for gate in gates])
        if time.monotonic() - start > SCANNING_S + 5:
            raise Failed("the gates do not answer all scans")
        time.sleep(0.05)
    stage.draw([summary(stage, gate, len(scans[gate.node])) for gate in gates], is_last=True)
    for gate in gates:
        counts = counted(gate.verdicts)
        parts = [f"{reason} {counts[reason]}" for reason in sorted(counts) if reason != "valid"]
        stage.more(stage.faint(f"gate {gate.node} refused: {', '.join(parts)}"))
    for gate in gates:
        status = gate.status()
        if status["window_open"] or status["bundles_sent"]:
            raise Failed(f"gate {gate.node} had its window too soon: this machine is too slow")


def settle(stage, network, gate):
    """The gate's window opens; returns when everything has its receipt."""
    wait_until(f"gate {gate.node}'s window opens", lambda: "window_open" in gate.events, 12)
    stage.say(f"gate {gate.node}'s window opens: it has a network now")

    def receipted():
        status = gate.status()
        recorded = status["admissions_recorded"] + status["refusals_recorded"]
        settled = recorded - status["unreceipted"]
        stage.draw([f"gate {gate.node} {stage.bar(settled, recorded)} {settled:4} of {recorded}"
                    f" receipted   {status['bundles_sent']} bundles up,"
                    f" {status['bundles_received']} down"], is_last=not status["unreceipted"])
        return status if not status["unreceipted"] else None

    wait_until(f"gate {gate.node} holds a receipt for every record", receipted, 10)
    _, _, totals = network.report()
    stage.say(f"the ledger: {totals['scans']} scans in {totals['height']} blocks,"
              f" {totals['consumed_tickets']} tickets consumed,"
              f" {totals['duplicates']} of them twice")


def wait_learned(stage, network, gate, other):
    """Until the gate knows of every ticket that the ledger says the other one has admitted."""
    devices, _, _ = network.report()
    admitted = devices[other]["admitted"]
    wait_until(f"gate {gate.node} has learned of {admitted} tickets used at gate {other}",
               lambda: gate.status()["tickets_learned"] >= admitted, 8)
    stage.say(f"gate {gate.node} has learned of the {admitted} tickets admitted at gate {other}")


def show_duplicates(stage, network):
    _, duplicates, _ = network.report()
    for row in duplicates[:3]:
        first, second = row["first"], row["second"]
        stage.more(f"ticket {row['duplicate'][:12]}…  gate {first['device']} at"
                   f" {clock(first['time_ms'])}, gate {second['device']} at"
                   f" {clock(second['time_ms'])}: {row['kind']}")
    if len(duplicates) > 3:
        stage.more(stage.faint(f"and {len(duplicates) - 3} more, which neither gate could know of"))


def clock(milliseconds):
    day = time.strftime("%H:%M:%S", time.localtime(milliseconds // 1000))
    return f"{day}.{milliseconds % 1000:03}"


def stop(stage, network, gates):
    """Ends everything when the rings on disk say that everything is receipted: a gate writes what
    was receipted a little later, with the next records, because it can be told again."""
    statuses = {}

    def is_settled(gate):
        ring = gate.ring_check()
        return all(ring[f"{name}_receipted"] == ring[f"{name}_recorded"]
                   for name in ("admissions", "refusals"))

    def are_settled():
        return all(is_settled(gate) for gate in gates)

    try:
        wait_until("a receipt in the rings for every record", are_settled, 5)
        stage.say("both rings hold a receipt for every record; everybody stops")
    except Failed as failure:
        stage.say(stage.bad(str(failure)))
    for gate in gates:
        statuses[gate.node] = gate.status()
        gate.stop()
    network.stop_validator()
    return statuses


def play(stage, network):
    stage.title("An issuer, a validator, a broker, and two gates that have no network yet")
    scans, alone, issuer = prepare(network)
    stage.say("1,000 tickets: 900 good; forged, expired, too early, for another zone, revoked:"
              f" 100; and {SOLD} sold through a pretix shop, two refunded")
    network.start_broker()
    network.start_validator()
    gates = [network.start_gate(node, OPENS[node]) for node in network.nodes]
    stage.say(f"gate {FIRST} will have a window in {OPENS[FIRST]} s, gate {SECOND} in"
              f" {OPENS[SECOND]} s; until then each decides alone")

    stage.title("The doors open")
    scan_all(stage, gates, scans)
    stage.say(f"{SHARED} tickets were shown at both gates, and both had to admit them:"
              " neither could know")

    wrong = []
    try:
        open_windows(stage, network, gates, scans, alone)
        rotate(stage, network, gates, scans, issuer)
    except Failed as failure:
        # The audit below says what has become of each record.
        wrong.append(str(failure))
    statuses = stop(stage, network, gates)
    sentences, line = audit(network, gates, scans, statuses, SHARED)
    return wrong + sentences, line


def open_windows(stage, network, gates, scans, alone):
    first, second = gates
    stage.title("Windows")
    settle(stage, network, first)
    settle(stage, network, second)
    show_duplicates(stage, network)

    stage.title("What the gates know now")
    pairs = ((second, FIRST), (first, SECOND))
    for gate, other in pairs:
        wait_learned(stage, network, gate, other)
    for gate, other in pairs:
        scan = Scan(*alone[other][-1], "used_elsewhere")
        try_here(stage, gate, scan, scans, f"{scan.ticket[:12]}… that was used elsewhere")


def rotate(stage, network, gates, scans, issuer):
    """The issuer's key is replaced; both are good for an hour."""
    stage.title("A new key for the issuer")
    network.key("issuer-2")
    new, old = network.mint("issuer-2", 3), network.mint("issuer", 2)
    try_here(stage, gates[0], Scan(*new[2], "unknown_key"), scans, "of the new key, too early,")
    network.rotate(issuer, "issuer-2")
    stage.say("the operator signs version 2 of the trust document, with both keys")
    for gate in gates:
        wait_until(f"gate {gate.node} has version 2", lambda: gate.status()["trust_version"] == 2, 8)
    stage.say("both gates have it")
    for gate, fresh, former in zip(gates, new, old):
        try_here(stage, gate, Scan(*fresh, "valid"), scans, "of the new key")
        try_here(stage, gate, Scan(*former, "valid"), scans, "of the old one")


def try_here(stage, gate, scan, scans, what):
    count = len(gate.verdicts)
    gate.scan([scan.code])
    scans[gate.node].append(scan)
    wait_until("a verdict", lambda: len(gate.verdicts) > count, 3)
    result = gate.verdicts[-1]["result"]
    shown = stage.good(result) if result == scan.expected else stage.bad(result)
    stage.say(f"a ticket {what} at gate {gate.node}: {shown}")


def out_of_time(*_):
    raise Failed(f"not done after {END_S} s")


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, interrupted)
    signal.alarm(END_S)
    stage, network, status = Stage(), Network([FIRST, SECOND]), 1
    wanted = "--keep" in sys.argv[1:]
    keep = True
    try:
        wrong, line = play(stage, network)
        print()
        for sentence in wrong[:20]:
            print(stage.bad(f"wrong: {sentence}"))
        if len(wrong) > 20:
            print(stage.bad(f"and {len(wrong) - 20} more"))
        keep = wanted or bool(wrong)
        if keep:
            print(f"all keys, logs and rings are in {network.folder}")
        print(line)
        status = 1 if wrong else 0
    except Failed as failure:
        print(f"\n{stage.bad(f'demo: {failure}')}", file=sys.stderr)
        print(f"demo: all keys, logs and rings are in {network.folder}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        keep = wanted
    finally:
        signal.alarm(0)
        network.close()
        if not keep:
            network.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
