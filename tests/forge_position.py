#!/usr/bin/env python3
"""A platform that is dishonest and signs its own log: 1,000.00 EUR of one thing are sold in full to company 11 and once more to company 12.

    forge_position.py FOLDER WHAT VERSION    writes evil.key, evil11.kontor-proof and evil12.kontor-proof

WHAT: `number` (a second asset number, the same name and papers), `twice` (the same number), `cash` (EUR as 978 and 979), `undertaking` (a second number
with its own name over the same undertaking), `records` (two ends of one day, each with a tree of its own). VERSION: 1 or 2, of the day's tree. A verifier must not
take both files; those of `records` it takes, and says of which record and root each is.
"""

import base64
import hashlib
import pathlib
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "evil.example/log"


def sha256(data):
    return hashlib.sha256(data).digest()


def sha256_hex(text):
    return sha256(text.encode()).hex()


def reference(number):
    value = int("".join(str(int(mark, 36)) for mark in f"R{number}RF00"))
    return f"RF{98 - value % 97:02}R{number}"


def sum_tree(asset, owner, kinds):
    """Root, holder's leaf, its index and its sibling, in a tree of two leaves."""
    leaves = []
    for side, kind, who in [("debit", kinds[0], 0), ("credit", kinds[1], owner)]:
        text = f"kontor/balance/1\n{side}\n{kind}\n{who}\n{asset}\n100000\n{sha256_hex(side + str(owner))}\n"
        leaves.append((sha256(b"\2" + text.encode()), 100000 * (side == "debit"), 100000 * (side == "credit"), text))
    own, both = leaves[1], sorted(leaves)
    data = b"".join(node[0] + node[1].to_bytes(8, "big") + node[2].to_bytes(8, "big") for node in both)
    root = sha256(b"\3" + data).hex() + " 100000 100000"
    sibling = both[1 - both.index(own)]
    return root, own[3], both.index(own), f"{sibling[0].hex()} {sibling[1]} {sibling[2]}"


def entry(version, asset, group, name, owner):
    kinds = ("custody", "cash") if group == "currency" else ("issued", "holding")
    root, leaf, index, sibling = sum_tree(asset, owner, kinds)
    papers = "-" if group == "currency" else " ".join(sha256_hex(what) for what in ("terms", "document", "undertaking"))
    text = f"kontor/asset/{version}\n{asset}\n{group}\n{name}\nEUR\n2\n{root}\n{papers}\n"
    return {"asset": asset, "text": text, "leaf": leaf, "index": index, "sibling": sibling, "owner": owner, "papers": papers != "-"}


def join(left, right):
    if isinstance(left, bytes):
        return sha256(b"\1" + left + right)
    return sha256(b"\5" + b"".join(left) + b"".join(right)), left[1], right[2]


def shown(node):
    return node.hex() if isinstance(node, bytes) else " ".join(part.hex() for part in node)


def split(count):
    return 1 << (count - 1).bit_length() - 1


def over(nodes):
    return nodes[0] if len(nodes) == 1 else join(over(nodes[: split(len(nodes))]), over(nodes[split(len(nodes)) :]))


def path(nodes, at):
    if len(nodes) == 1:
        return []
    half = split(len(nodes))
    if at < half:
        return path(nodes[:half], at) + [over(nodes[half:])]
    return path(nodes[half:], at - half) + [over(nodes[:half])]


def place(nodes, at):
    siblings = path(nodes, at)
    return f"index {at}\npath {len(siblings)}\n" + "".join(shown(node) + "\n" for node in siblings)


def day_tree(version, entries):
    """The nodes of the day's tree, and for each undertaking its text and index."""
    if version == 1:
        return [sha256(b"\0" + one["text"].encode()) for one in entries], {}
    key = lambda one: b"\0" * 25 + one["asset"].to_bytes(8, "big")
    nodes = [(sha256(b"\4" + one["text"].encode()), key(one), key(one)) for one in entries]
    behind = {}
    for number in sorted({one["asset"] for one in entries if one["papers"]}):
        text = f"kontor/undertaking/1\n{sha256_hex('undertaking')}\n{number}\n"
        mark = b"\1" + sha256(b"undertaking")
        behind[number] = (text, len(nodes))
        nodes.append((sha256(b"\4" + text.encode()), mark, mark))
    return nodes, behind


def record_of(seq, version, nodes):
    top = over(nodes)
    top = top if isinstance(top, bytes) else top[0]
    zero = sha256_hex("")
    sums = f"2026-11-29 4 {len(nodes)} {top.hex()}" + (" 2" if version == 2 else "")
    lines = ["kontor/audit/1", str(seq), zero, "1795900000000000", "2026-11-30", "0", "0", "0", "close_day", "0"]
    return "".join(line + "\n" for line in lines + [zero, zero, zero, "0", "0", zero, sums])


def main(folder, what, version):
    private = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
    public = b"\1" + private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key_id = sha256(NAME.encode() + b"\n" + public)[:4]
    first, second = reference(10050), reference(20050)
    entries = {
        "number": [(10050, "fractions", first), (20050, "fractions", first)],
        "twice": [(10050, "fractions", first), (10050, "fractions", first)],
        "cash": [(978, "currency", "EUR"), (979, "currency", "EUR")],
        "undertaking": [(10050, "fractions", first), (20050, "fractions", second)],
        "records": [(10050, "fractions", first), (10050, "fractions", first)],
    }[what]
    entries = [entry(version, *one, owner) for one, owner in zip(entries, (11, 12))]
    if what == "number":
        entries[1]["papers"] = False
    trees = [[one] for one in entries] if what == "records" else [entries]
    days = [(group, *day_tree(version, group)) for group in trees]
    records = [record_of(seq, version, nodes) for seq, (_, nodes, _) in enumerate(days, 1)]
    leaves = [sha256(b"\0" + record.encode()) for record in records]
    text = f"{NAME}\n{len(records)}\n{base64.b64encode(over(leaves)).decode()}\n"
    note = text + f"\n\u2014 {NAME} {base64.b64encode(key_id + private.sign(text.encode())).decode()}\n"
    (folder / "evil.key").write_text(f"{NAME}+{key_id.hex()}+{base64.b64encode(public).decode()}\n")
    for number, (group, nodes, behind) in enumerate(days):
        to_root = path(leaves, number)
        to_root = f"path {len(to_root)}\n" + "".join(shown(node) + "\n" for node in to_root)
        for at, one in enumerate(group):
            file = f"kontor/position/{version}\nowner {one['owner']}\nassets 1\n{records[number]}{to_root}{one['text']}{place(nodes, at)}"
            if version == 2 and "\n-\n" not in one["text"]:
                leaf, index = behind.get(one["asset"]) or behind[10050]
                file += leaf + place(nodes, index)
            file += f"{one['leaf']}index {one['index']}\npath 1\n{one['sibling']}\n{note}"
            (folder / f"evil{one['owner']}.kontor-proof").write_bytes(file.encode())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
