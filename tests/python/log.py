"""Checks a book's log as a stranger would: with its public key, and a verifier by other people.

    python3 log.py BASE VKEY [--proof FILE]… [--request FILE]… [--witness VKEY]… [--ca FILE]

BASE is the log's address (such as `http://127.0.0.1:8080/api/v1/log`) or a folder with the same files; VKEY
its key as C2SP signed-note writes it. From tiles and entry bundles (C2SP tlog-tiles) it rebuilds the root that
the checkpoint signs. A proof is an entry's `proof` in JSON; a request is one to a witness (C2SP tlog-witness
`add-checkpoint`), whose consistency proof is checked against the same entries; each witness must have cosigned
the checkpoint. Exit status: 0 all holds, 1 something does not (it says what), 2 it could not look.

Signatures, inclusion, consistency and the root are judged by `proofbundle` (MIT), which knows nothing of us;
only paths, the cutting of tiles, and the comparison of each tile with the one below are done here.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import ssl
import struct
import sys
import urllib.request

from proofbundle import verify_consistency, verify_cosignature, verify_inclusion
from proofbundle.checkpoint import verify_checkpoint
from proofbundle.errors import ProofBundleError
from proofbundle.merkle import leaf_hash, merkle_tree_hash

WIDTH = 256


class Wrong(Exception):
    """The log claims something that is not so."""


def demand(truth, words):
    if not truth:
        raise Wrong(words)


class Log:
    """The files of a log, over HTTP or in a folder."""

    def __init__(self, base, ca_file=None):
        self.base = base.rstrip("/")
        self.remote = base.startswith(("http://", "https://"))
        self.tls = ssl.create_default_context(cafile=ca_file) if base.startswith("https://") else None

    def file(self, path):
        if not self.remote:
            return pathlib.Path(self.base, path).read_bytes()
        with urllib.request.urlopen(f"{self.base}/{path}", timeout=30, context=self.tls) as answer:
            return answer.read()

    def tiles(self, kind, nodes, item):
        """The contents of all tiles of a level that has so many nodes, cut by `item` into what is in them."""
        for index in range(-(-nodes // WIDTH)):
            width = min(WIDTH, nodes - index * WIDTH)
            path = tile_path(kind, index, width)
            items = item(self.file(path), path)
            demand(len(items) == width, f"{path} holds {width} items, not {len(items)}")
            yield from items


def tile_path(kind, index, width):
    steps = [f"{index % 1000:03}"]
    while index := index // 1000:
        steps.insert(0, f"x{index % 1000:03}")
    return f"tile/{kind}/{'/'.join(steps)}" + ("" if width == WIDTH else f".p/{width}")


def cut_hashes(content, path):
    demand(len(content) % 32 == 0, f"{path} is not made of hashes of 32 bytes")
    return [content[at : at + 32] for at in range(0, len(content), 32)]


def cut_entries(content, path):
    entries = []
    while content:
        demand(len(content) >= 2, f"{path} ends within a length")
        (length,) = struct.unpack(">H", content[:2])
        demand(len(content) >= 2 + length, f"{path} ends within an entry")
        entries.append(content[2 : 2 + length])
        content = content[2 + length :]
    return entries


def full_tile_root(hashes):
    """The root over the 256 hashes of a full tile (RFC 6962, section 2.1)."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def signed(note, key, words):
    """What a checkpoint says, when the log with this key signed it."""
    read = verify_checkpoint(note, key)
    demand(read["ok"], f"{words} is signed by the log's key")
    demand(read["origin"] == key.split("+")[0], f"{words} is of the log {key.split('+')[0]}")
    return read


def check_tree(log, head):
    """All entries, when tiles of every level and the checkpoint agree on them."""
    size = head["tree_size"]
    entries = list(log.tiles("entries", size, cut_entries))
    hashes = [leaf_hash(entry) for entry in entries]
    level = 0
    while hashes:
        found = list(log.tiles(level, len(hashes), cut_hashes))
        for index, (one, other) in enumerate(zip(hashes, found, strict=True)):
            demand(one == other, f"node {index} of tiles of level {level} is the hash of what is below it")
        full = range(0, len(hashes) - WIDTH + 1, WIDTH)
        hashes = [full_tile_root(hashes[start : start + WIDTH]) for start in full]
        level += 1
    demand(merkle_tree_hash(entries) == head["root"], f"the {size} entries have the root that was signed")
    print(f"ok    {size} entries in tiles of {level} levels have the root that was signed")
    return entries


def check_proof(proof, key, entries):
    head = signed(proof["checkpoint"], key, "a proof's checkpoint")
    index, size = proof["leaf_index"], head["tree_size"]
    demand(proof["origin"] == head["origin"], "a proof's origin is its checkpoint's")
    demand(
        proof["tree_size"] == size <= len(entries),
        "a proof's size is its checkpoint's, and not above the log's",
    )
    demand(0 <= index < size, "a proof's leaf is in its tree")
    demand(merkle_tree_hash(entries[:size]) == head["root"], f"the log began with the tree of {size} leaves")
    demand(
        leaf_hash(entries[index]).hex() == proof["leaf_hash"], f"the entry {index} has the proof's leaf hash"
    )
    hashes = [bytes.fromhex(text) for text in proof["hashes"]]
    demand(verify_inclusion(entries[index], index, size, hashes, head["root"]), f"leaf {index} is in {size}")
    print(f"ok    leaf {index} is in the tree of {size}, with which the log began")


def check_request(request, key, entries):
    lines, note = request.split("\n\n", 1)
    old, *proof = lines.split("\n")
    demand(old.startswith("old "), "a request begins with the old size")
    old, hashes = int(old.removeprefix("old ")), [base64.b64decode(line, validate=True) for line in proof]
    head = signed(note, key, "a request's checkpoint")
    size = head["tree_size"]
    demand(old <= size <= len(entries), "a request's sizes grow, and not above the log's")
    if old == 0:
        demand(not hashes, "nothing proves that a log continues the empty one")
    else:
        before = merkle_tree_hash(entries[:old])
        demand(verify_consistency(old, size, hashes, before, head["root"]), f"{size} leaves continue {old}")
    print(f"ok    the tree of {size} continues that of {old}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("base")
    parser.add_argument("vkey")
    parser.add_argument("--proof", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--request", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--witness", action="append", default=[])
    parser.add_argument("--ca")
    given = parser.parse_args()
    try:
        log = Log(given.base, given.ca)
        note = log.file("checkpoint").decode()
        head = signed(note, given.vkey, "the checkpoint")
        for witness in given.witness:
            read = verify_cosignature(note, witness)
            demand(read["ok"], f"the checkpoint is cosigned by {witness.split('+')[0]}")
            print(f"ok    cosigned by {witness.split('+')[0]} at {read['timestamp']}")
        entries = check_tree(log, head)
        for path in given.proof:
            check_proof(json.loads(path.read_text()), given.vkey, entries)
        for path in given.request:
            check_request(path.read_text(), given.vkey, entries)
    except (Wrong, ProofBundleError, ValueError, KeyError) as wrong:
        print(f"log: it does not hold that {wrong}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as failure:
        print(f"log: {failure}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
