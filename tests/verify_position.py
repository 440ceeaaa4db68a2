#!/usr/bin/env python3
"""Checks Kontor position proofs. Written from docs/PROOFS.md alone; needs Python's standard library and `cryptography`.

    verify_position.py FILE KEY              prints what the file proves; exit status 1 when it proves nothing
    verify_position.py --vectors FOLDER      runs every vector of tests/vectors/proofs
    verify_position.py --mutate FILE KEY N   makes N random changes, none of which may verify
"""

import base64
import hashlib
import pathlib
import random
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST = 2**63 - 1

# Codes and numbers of ISO 4217.
CURRENCIES = """
    AED 784 AFN 971 ALL 008 AMD 051 AOA 973 ARS 032 AUD 036 AWG 533 AZN 944 BAM 977 BBD 052 BDT 050
    BGN 975 BHD 048 BIF 108 BMD 060 BND 096 BOB 068 BOV 984 BRL 986 BSD 044 BTN 064 BWP 072 BYN 933
    BZD 084 CAD 124 CDF 976 CHE 947 CHF 756 CHW 948 CLF 990 CLP 152 CNY 156 COP 170 COU 970 CRC 188
    CUC 931 CUP 192 CVE 132 CZK 203 DJF 262 DKK 208 DOP 214 DZD 012 EGP 818 ERN 232 ETB 230 EUR 978
    FJD 242 FKP 238 GBP 826 GEL 981 GHS 936 GIP 292 GMD 270 GNF 324 GTQ 320 GYD 328 HKD 344 HNL 340
    HRK 191 HTG 332 HUF 348 IDR 360 ILS 376 INR 356 IQD 368 IRR 364 ISK 352 JMD 388 JOD 400 JPY 392
    KES 404 KGS 417 KHR 116 KMF 174 KPW 408 KRW 410 KWD 414 KYD 136 KZT 398 LAK 418 LBP 422 LKR 144
    LRD 430 LSL 426 LYD 434 MAD 504 MDL 498 MGA 969 MKD 807 MMK 104 MNT 496 MOP 446 MRU 929 MUR 480
    MVR 462 MWK 454 MXN 484 MXV 979 MYR 458 MZN 943 NAD 516 NGN 566 NIO 558 NOK 578 NPR 524 NZD 554
    OMR 512 PAB 590 PEN 604 PGK 598 PHP 608 PKR 586 PLN 985 PYG 600 QAR 634 RON 946 RSD 941 RUB 643
    RWF 646 SAR 682 SBD 090 SCR 690 SDG 938 SEK 752 SGD 702 SHP 654 SLE 925 SLL 694 SOS 706 SRD 968
    SSP 728 STN 930 SVC 222 SYP 760 SZL 748 THB 764 TJS 972 TMT 934 TND 788 TOP 776 TRY 949 TTD 780
    TWD 901 TZS 834 UAH 980 UGX 800 USD 840 USN 997 UYI 940 UYU 858 UYW 927 UZS 860 VED 926 VES 928
    VND 704 VUV 548 WST 882 XAD 396 XAF 950 XAG 961 XAU 959 XBA 955 XBB 956 XBC 957 XBD 958 XCD 951
    XCG 532 XDR 960 XOF 952 XPD 964 XPF 953 XPT 962 XSU 994 XTS 963 XUA 965 XXX 999 YER 886 ZAR 710
    ZMW 967 ZWG 924 ZWL 932
""".split()
CURRENCIES = dict(zip(CURRENCIES[::2], map(int, CURRENCIES[1::2])))


class Bad(Exception):
    """The file proves nothing."""


def need(condition, why):
    if not condition:
        raise Bad(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\0" + data)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def number(text, most=2**64 - 1):
    need(re.fullmatch(r"0|[1-9][0-9]{0,19}", text, re.ASCII) is not None, f"not a number: {text!r}")
    need(int(text) <= most, "a number is too large")
    return int(text)


def unhex(text):
    need(re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII) is not None, "not a digest")
    return bytes.fromhex(text)


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Bad("not base64") from error
    need(base64.b64encode(data).decode() == text, "base64 in a second spelling")
    return data


def sides(index, size, length):
    """For each step from the leaf up, whether the sibling stands on the left."""
    need(index < size, "a place outside its tree")
    found, f, s = [], index, size - 1
    while s > 0:
        if f & 1:
            found.append(True)
        elif f < s:
            found.append(False)
        f, s = f >> 1, s >> 1
    need(len(found) == length, "a path of the wrong length")
    return found


def climb(leaf, index, size, path):
    value = leaf
    for sibling, left in zip(path, sides(index, size, len(path))):
        value = node_hash(sibling, value) if left else node_hash(value, sibling)
    return value


class Node:
    def __init__(self, digest, debit, credit):
        self.digest, self.debit, self.credit = digest, debit, credit
        need(0 <= debit <= MOST and 0 <= credit <= MOST, "a sum is out of range")

    def key(self):
        return (self.digest, self.debit, self.credit)

    def data(self):
        return self.digest + self.debit.to_bytes(8, "big") + self.credit.to_bytes(8, "big")

    def join(self, right):
        digest = sha256(b"\3" + self.data() + right.data())
        return Node(digest, self.debit + right.debit, self.credit + right.credit)

    @staticmethod
    def read(line):
        words = line.split(" ")
        need(len(words) == 3, "not a node")
        return Node(unhex(words[0]), number(words[1], MOST), number(words[2], MOST))


def climb_sums(leaf, index, size, path):
    value = leaf
    for sibling, left in zip(path, sides(index, size, len(path))):
        value = sibling.join(value) if left else value.join(sibling)
    return value


class Ordered:
    """A node of the day's tree, version 2: nodes join only while their keys ascend."""

    def __init__(self, digest, least, largest):
        self.digest, self.least, self.largest = digest, least, largest

    def data(self):
        return self.digest + self.least + self.largest

    def join(self, right):
        ends = [self.least, self.largest, right.least, right.largest]
        need(ends[0] <= ends[1] < ends[2] <= ends[3], "keys do not ascend")
        return Ordered(sha256(b"\5" + self.data() + right.data()), self.least, right.largest)

    @staticmethod
    def leaf(key, lines):
        return Ordered(sha256(b"\4" + joined(lines)), key, key)

    @staticmethod
    def read(line):
        words = line.split(" ")
        need(len(words) == 3, "not a node")
        for key in words[1:]:
            need(re.fullmatch(r"[0-9a-f]{66}", key, re.ASCII) is not None, "not a key")
        return Ordered(unhex(words[0]), bytes.fromhex(words[1]), bytes.fromhex(words[2]))


def reference(receivable):
    """The creditor reference of ISO 11649 over R and a number."""
    body = f"R{receivable}"
    value = int("".join(str(int(mark, 36)) for mark in body + "RF00"))
    return f"RF{98 - value % 97:02}{body}"


def check_name(asset, group, name, currency, has_papers):
    """Number, class, name and papers belong together."""
    if group == "currency":
        need(CURRENCIES.get(name) == asset and currency == name and not has_papers, "not the number of this currency")
    elif group in ("fractions", "reserve"):
        receivable = asset if group == "fractions" else asset - 1
        need(receivable > 999 and name == reference(receivable), "the reference is not that of the number")
        need(currency in CURRENCIES and has_papers, "no currency or no papers")
    else:
        need(group == "other" and asset > 999 and name == str(asset), "not a class, or not its name")
        need(currency == "-" and not has_papers, "a currency or papers of nothing")


class Lines:
    def __init__(self, text):
        self.text, self.at = text, 0

    def next(self):
        end = self.text.find("\n", self.at)
        need(end >= 0, "the file ends too early")
        line, self.at = self.text[self.at : end], end + 1
        return line

    def block(self, count):
        return [self.next() for _ in range(count)]

    def word(self, name, most=2**64 - 1):
        line = self.next()
        need(line.startswith(name + " "), f"{name} is missing")
        return number(line[len(name) + 1 :], most)

    def path(self, read):
        return [read(self.next()) for _ in range(self.word("path", 64))]

    def rest(self):
        return self.text[self.at :]


def joined(lines):
    return "".join(line + "\n" for line in lines).encode()


def read_key(text):
    parts = text.strip().split("+", 2)
    need(len(parts) == 3, "the key cannot be read")
    name, key_id, data = parts[0], parts[1], unbase64(parts[2])
    need(len(data) == 33 and data[0] == 1, "not an Ed25519 key")
    need(sha256(name.encode() + b"\n" + data)[:4].hex() == key_id, "the key's id is not its own")
    return name, bytes.fromhex(key_id), data[1:]


def open_checkpoint(note, key):
    name, key_id, public = key
    match = re.fullmatch(r"(([^\n]+)\n([^\n]+)\n([^\n]+)\n)\n\u2014 ([^\n ]+) ([^\n ]+)\n", note)
    need(match is not None, "not a checkpoint with one signature")
    text, origin, size, root, signer, signature = match.groups()
    data = unbase64(signature)
    need(signer == name and origin == name and data[:4] == key_id, "the checkpoint is another log's")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(data[4:], text.encode())
    except InvalidSignature as error:
        raise Bad("the signature is not by this key") from error
    digest = unbase64(root)
    need(len(digest) == 32, "not a root")
    return number(size), digest


def check_ordered(entry, place, path, behind, size, root):
    """The entry stands alone under its number, and its undertaking behind no other receivable."""
    asset = number(entry[1], MOST)
    leaf = Ordered.leaf(b"\0" * 25 + asset.to_bytes(8, "big"), entry)
    need(climb_sums(leaf, place, size, path).digest == root, "an asset is not in the day's tree")
    check_name(asset, entry[2], entry[3], entry[4], behind is not None)
    if behind is None:
        return
    lines, place, path = behind
    receivable = asset if entry[2] == "fractions" else asset - 1
    undertaking = entry[7].split(" ")[2]
    need(lines == ["kontor/undertaking/1", undertaking, str(receivable)], "the undertaking stands behind another receivable")
    leaf = Ordered.leaf(b"\1" + unhex(undertaking), lines)
    need(climb_sums(leaf, place, size, path).digest == root, "an undertaking is not in the day's tree")


def verify(raw, key):
    """What the file proves: version of the tree, owner, day, the record that ended it, the day's root, and for each asset class, name and balance."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Bad("not UTF-8") from error
    lines = Lines(text)
    version = {"kontor/position/1": 1, "kontor/position/2": 2}.get(lines.next())
    need(version is not None, "not a position proof")
    owner, count = lines.word("owner", MOST), lines.word("assets")
    need(count > 0, "the file names no balance")
    record = lines.block(17)
    record_path = lines.path(unhex)
    assets = []
    for _ in range(count):
        entry = lines.block(8)
        entry_place, entry_path = lines.word("index"), lines.path(unhex if version == 1 else Ordered.read)
        behind = None
        if version == 2 and entry[7] != "-":
            behind = (lines.block(3), lines.word("index"), lines.path(Ordered.read))
        leaf = lines.block(7)
        assets.append((entry, entry_place, entry_path, behind, leaf, lines.word("index"), lines.path(Node.read)))
    size, root = open_checkpoint(lines.rest(), key)

    need(record[0] == "kontor/audit/1" and record[8] == "close_day", "the record ends no day")
    seq = number(record[1])
    need(seq > 0, "the record has no number")
    need(climb(leaf_hash(joined(record)), seq - 1, size, record_path) == root, "the record is not in the log")
    day_words = record[16].split(" ")
    need(len(day_words) == 4 or (len(day_words) == 5 and day_words[4] == "2"), "the record has no day sums")
    need(len(day_words) == version + 3, "the day's tree is of another version")
    day, leaves_of_day, day_root = day_words[0], number(day_words[2]), unhex(day_words[3])
    number(day_words[1], MOST)
    need(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day, re.ASCII) is not None, "not a day")
    need(version == 2 or day <= "2026-11-28", "days after 2026-11-28 need a tree of version 2")

    proven, before = [], -1
    for entry, entry_place, entry_path, behind, leaf, place, path in assets:
        need(entry[0] == f"kontor/asset/{version}", "not an entry of this version")
        asset, leaves, top = number(entry[1], MOST), number(entry[5]), Node.read(entry[6])
        need(asset > before, "assets do not ascend")
        before = asset
        if entry[7] != "-":
            need(len([unhex(word) for word in entry[7].split(" ")]) == 3, "not three digests")
        if version == 1:
            need(climb(leaf_hash(joined(entry)), entry_place, leaves_of_day, entry_path) == day_root, "an asset is not in the day's tree")
        else:
            check_ordered(entry, entry_place, entry_path, behind, leaves_of_day, day_root)
            need(leaf[2] == ("cash" if entry[2] == "currency" else "holding"), "not the kind of a holder's account")
        need(top.debit == top.credit, "the two sides of an asset differ")
        need(leaf[0] == "kontor/balance/1" and leaf[1] == "credit", "not a holder's balance")
        need(re.fullmatch(r"[a-z_]+", leaf[2], re.ASCII) is not None, "not a kind")
        amount = number(leaf[5], MOST)
        unhex(leaf[6])
        need(number(leaf[3], MOST) == owner and number(leaf[4], MOST) == asset, "somebody else's balance")
        node = Node(sha256(b"\2" + joined(leaf)), 0, amount)
        need(climb_sums(node, place, leaves, path).key() == top.key(), "a balance is not in its asset's tree")
        proven.append((leaf[2], entry[2], entry[3], asset, amount))
    return version, owner, day, seq, day_root, proven


def verify_consistency(old, new, path, old_root, new_root):
    """RFC 9162 section 2.1.4.2, for 1 <= old <= new."""
    if old == new:
        return not path and old_root == new_root
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    f, s = old - 1, new - 1
    while f & 1:
        f, s = f >> 1, s >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if s == 0:
            return False
        if f & 1 or f == s:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while f and not f & 1:
                f, s = f >> 1, s >> 1
        else:
            second = node_hash(second, sibling)
        f, s = f >> 1, s >> 1
    return s == 0 and first == old_root and second == new_root


def verdict(raw, key):
    try:
        verify(raw, key)
        return "good"
    except Bad:
        return "bad"


def run_vectors(folder):
    key = read_key((folder / "log.key").read_text())
    done = 0
    for line in (folder / "verdicts.txt").read_text().splitlines():
        wanted, name = line.split(" ")
        found = verdict((folder / name).read_bytes(), key)
        if found != wanted:
            sys.exit(f"{name} is {found}, it should be {wanted}")
        done += 1
    open_checkpoint((folder / "checkpoint.txt").read_bytes().decode(), key)
    for line in (folder / "trees.txt").read_text().splitlines():
        kind, first, second, *hashes = line.split(" ")
        first, second, hashes = int(first), int(second), [unhex(word) for word in hashes]
        if kind == "inclusion":
            leaf = leaf_hash(str(first).encode())
            right = climb(leaf, first, second, hashes[1:]) == hashes[0]
        else:
            right = verify_consistency(first, second, hashes[2:], hashes[0], hashes[1])
        if not right:
            sys.exit(f"not verified: {line}")
        done += 1
    print(f"{done} vectors agree")


def run_mutations(raw, key, count):
    dice = random.Random(20261122)
    tried = 0
    while tried < count:
        changed = bytearray(raw)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            at = dice.randrange(len(changed))
            what = dice.randrange(4)
            if what == 0:
                changed[at] ^= 1 << dice.randrange(8)
            elif what == 1:
                del changed[at]
            elif what == 2:
                changed.insert(at, dice.randrange(256))
            else:
                lines = bytes(changed).split(b"\n")
                first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
                lines[first], lines[second] = lines[second], lines[first]
                changed = bytearray(b"\n".join(lines))
        if bytes(changed) == raw:
            continue
        tried += 1
        if verdict(bytes(changed), key) == "good":
            sys.exit(f"a forgery verifies:\n{bytes(changed)!r}")
    print(f"{tried} mutated proofs, none verifies")


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--vectors":
        return run_vectors(pathlib.Path(arguments[1]))
    if len(arguments) == 4 and arguments[0] == "--mutate":
        return run_mutations(pathlib.Path(arguments[1]).read_bytes(), read_key(arguments[2]), int(arguments[3]))
    if len(arguments) != 2:
        sys.exit(__doc__)
    try:
        version, owner, day, seq, day_root, proven = verify(pathlib.Path(arguments[0]).read_bytes(), read_key(arguments[1]))
    except Bad as bad:
        sys.exit(f"BAD: {bad}")
    print(f"GOOD: company {owner} at the end of {day}")
    print(f"record {seq} ended the day, root {day_root.hex()}")
    if version == 1:
        print("tree of version 1: it does not show that an asset or an undertaking stands in it only once")
    for kind, group, name, asset, amount in proven:
        print(f"{kind} {group} {name} {asset} {amount}")
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
