"""An e-office that knows the OpenAPI document and the openssl program, and nothing else of the registry.

It signs and sends submissions, good and bad, reads everything back, and ends with status 1 and one plain
line at the first claim of the registry that is not true. Python's standard library is enough to run it.

    python3 client.py --url http://127.0.0.1:8080 --eoffice-token FILE --clerk-token FILE --auditor-token FILE \
        --stranger-token FILE --certificate citizen.crt --key citizen.key \
        --untrusted-certificate stranger.crt --untrusted-key stranger.key --seal-anchor root.crt

Nobody else may submit meanwhile: it checks that refused submissions leave no gap in the numbers.
"""

import argparse
import http.client
import json
import pathlib
import re
import sys
import uuid

from api import PREFIX, Api, Falsehood, claim, demand
from sending import (
    Document,
    counter_json,
    party,
    sha256,
    sign,
    some_documents,
    submission_json,
    submission_parts,
    uuid7,
    verify,
)


class Client:
    def __init__(self, arguments):
        def token(path):
            return pathlib.Path(path).read_text().strip()

        self.api = Api(arguments.url, arguments.ca_file)
        self.eoffice, self.clerk = token(arguments.eoffice_token), token(arguments.clerk_token)
        self.auditor, self.stranger = token(arguments.auditor_token), token(arguments.stranger_token)
        self.signer = (arguments.certificate, arguments.key)
        self.untrusted = (arguments.untrusted_certificate, arguments.untrusted_key)
        self.seal_anchor = arguments.seal_anchor
        self.unit = arguments.unit or self.first_unit()
        self.last = None

    def first_unit(self):
        answer = self.api.call("GET", "/units", token=self.auditor)
        demand(answer.status == 200, f"units are listed: {answer.status}")
        units = answer.json()
        return (units["items"] if isinstance(units, dict) else units)[0]["code"]

    def run(self):
        registered, documents, parts, key = self.a_signed_submission()
        self.a_repeated_one(registered, parts, key)
        self.refused_ones()
        self.reading(registered["entry"], documents)
        self.the_receipt(registered, documents)
        self.the_counter()
        self.the_figures()

    def numbered(self, answer, words):
        """The answer is a registration, and its number is the next."""
        claim(
            answer.status == 201,
            f"{words}: 201",
            f"{answer.status} {answer.body[:500].decode(errors='replace')}",
        )
        registered = answer.json()
        entry = registered["entry"]
        number = entry["number"]
        demand(isinstance(number, int) and number >= 1, f"a number from 1 on: {number!r}")
        demand(
            re.fullmatch(rf"{entry['year']}-.+-0*{number}", entry["code"]) and len(entry["code"]) <= 20,
            f"the code {entry['code']} tells year, book and number",
        )
        demand(
            answer.headers.get("Location") == f"{PREFIX}/entries/{entry['id']}",
            f"Location is the entry: {answer.headers.get('Location')}",
        )
        if self.last is not None:
            claim(number == self.last + 1, f"{entry['code']} follows number {self.last} without a gap")
        self.last = number
        return registered

    def a_signed_submission(self):
        documents = some_documents()
        submission = submission_json(self.unit, documents)
        self.submission_id = json.loads(submission)["submission_id"]
        parts = submission_parts(submission, sign(submission, *self.signer), documents)
        key = str(uuid.uuid4())
        registered = self.numbered(
            self.api.submit(parts, self.eoffice, key), "a signed submission is registered"
        )
        entry, verdicts = registered["entry"], registered["signatures"]
        verdict = next((v for v in verdicts if v["covers"] == "submission"), {})
        claim(
            verdict.get("indication") == "total_passed" and verdict["intact"] and verdict["trusted"],
            "its signature is intact, trusted and passed",
        )
        claim(verdict["signer"]["id"] == "00000000T", "and the signer is who signed")
        claim(
            entry["authentication_method"] == "signature"
            and entry["channel"] == "electronic"
            and entry["kind"] == "incoming",
            "it is an electronic incoming entry, proved by signature",
        )
        sent = sorted((d.filename, len(d.content), sha256(d.content)) for d in documents)
        kept = sorted((d["filename"], d["size"], d["sha256"]) for d in entry["documents"])
        claim(sent == kept, "its documents are those that were sent")
        return registered, documents, parts, key

    def a_repeated_one(self, registered, parts, key):
        answer = self.api.submit(parts, self.eoffice, key)
        claim(
            answer.status == 201 and answer.headers.get("Idempotency-Replayed") == "true",
            "the same again is a 201 that says it was replayed",
            answer.status,
        )
        claim(answer.json() == registered, "with the same answer, number included")
        other = submission_json(self.unit, [])
        answer = self.api.submit(submission_parts(other, sign(other, *self.signer), []), self.eoffice, key)
        claim(
            answer.said == (422, "idempotency-key-reused"),
            "another body under its key is refused",
            answer.said,
        )

    def refused_ones(self):
        documents = some_documents()

        def refused(words, status, slug, parts, key=""):
            answer = self.api.submit(parts, self.eoffice, str(uuid.uuid4()) if key == "" else key)
            claim(answer.said == (status, slug), f"{words}: {status} {slug}", answer.said)
            demand(
                {"type", "title", "status"} <= answer.json().keys(), "a problem has type, title and status"
            )
            return answer

        good = submission_json(self.unit, documents)
        signature = sign(good, *self.signer)
        refused("no key", 400, "idempotency-key-missing", submission_parts(good, signature, documents), None)
        refused(
            "text altered after signing",
            422,
            "signature-invalid",
            submission_parts(good.replace(b"obra menor", b"obra mayor"), signature, documents),
        )
        altered = [
            Document(d.part, d.content + b".", d.filename, d.media_type, d.title) for d in documents[:1]
        ]
        refused(
            "document altered after signing",
            422,
            "document-mismatch",
            submission_parts(good, signature, altered + documents[1:]),
        )
        refused(
            "document left out", 422, "document-mismatch", submission_parts(good, signature, documents[:1])
        )
        refused(
            "signed with a certificate that nobody trusts",
            422,
            "signature-invalid",
            submission_parts(good, sign(good, *self.untrusted), documents),
        )
        refused("not signed", 422, "signature-required", submission_parts(good, None, documents))
        parts = submission_parts(good, signature, documents)
        refused("document before the text", 400, "part-order", [parts[2], *parts[:2], *parts[3:]])
        other = submission_json(self.unit, documents, interested_parties=[{**party(), "id": "12345678Z"}])
        refused(
            "signed by somebody who is not a party",
            422,
            "signature-invalid",
            submission_parts(other, sign(other, *self.signer), documents),
        )
        wrong = submission_json(
            "", documents, subject="", interested_parties=[{**party(), "id": "00000000A"}]
        )
        answer = refused(
            "three mistakes",
            422,
            "invalid-submission",
            submission_parts(wrong, sign(wrong, *self.signer), documents),
        )
        pointers = {error["pointer"] for error in answer.json()["errors"]}
        claim(
            {"/subject", "/destination_unit", "/interested_parties/0/id"} <= pointers,
            f"all three are named at once: {sorted(pointers)}",
        )
        again = submission_json(self.unit, [], submission_id=self.submission_id)
        refused(
            "signed text used again under another key",
            409,
            "duplicate-submission",
            submission_parts(again, sign(again, *self.signer), []),
        )
        answer = self.api.submit(parts, self.clerk, str(uuid.uuid4()))
        claim(answer.said == (403, "forbidden"), "a clerk does not submit for citizens: 403", answer.said)
        answer = self.api.submit(parts, None, str(uuid.uuid4()))
        claim(answer.said == (401, "unauthenticated"), "nor does nobody: 401", answer.said)
        self.numbered(self.api.submit(parts, self.eoffice, str(uuid.uuid4())), "the good one, at last")

    def reading(self, entry, documents):
        get = self.api.call
        for token, who in (
            (self.eoffice, "who submitted it"),
            (self.clerk, "a clerk"),
            (self.auditor, "an auditor"),
        ):
            answer = get("GET", "/entries/{}", entry["id"], token=token)
            claim(
                answer.status == 200 and answer.json()["entry"]["number"] == entry["number"],
                f"{who} reads the entry by its id",
            )
        answer = get(
            "GET", "/books/{}/{}/{}", entry["book"], entry["year"], entry["number"], token=self.clerk
        )
        claim(
            answer.status == 200 and answer.json()["entry"]["id"] == entry["id"],
            "and by book, year and number",
        )
        answer = get("GET", "/entries/{}", entry["id"], token=self.stranger)
        claim(answer.said == (404, "not-found"), "whoever may not know of it gets 404", answer.said)
        answer = get("GET", "/entries/{}", uuid7(), token=self.clerk)
        claim(answer.said == (404, "not-found"), "as does who asks for one that is not there", answer.said)
        by_name = {document["filename"]: document for document in entry["documents"]}
        for document in documents:
            kept = by_name[document.filename]
            answer = get("GET", "/entries/{}/documents/{}", entry["id"], kept["id"], token=self.eoffice)
            claim(
                answer.status == 200 and answer.body == document.content,
                f"{document.filename} comes back byte for byte",
            )
            answer = get(
                "GET",
                "/entries/{}/documents/{}",
                entry["id"],
                kept["id"],
                token=self.eoffice,
                headers={"Range": "bytes=5-14"},
            )
            claim(answer.status == 206 and answer.body == document.content[5:15], "and a range of it")
        answer = get(
            "GET",
            "/entries",
            token=self.clerk,
            query={"book": entry["book"], "year": entry["year"], "party": "00000000T", "limit": 1},
        )
        claim(
            answer.status == 200 and len(answer.json()["items"]) == 1 and "next_cursor" in answer.json(),
            "entries are listed",
        )
        found, cursor = [], None
        while True:
            query = {"book": entry["book"], "year": entry["year"], "limit": 500}
            answer = get(
                "GET", "/entries", token=self.clerk, query=query | ({"cursor": cursor} if cursor else {})
            )
            demand(answer.status == 200, f"a page of entries: {answer.status}")
            found += [item["number"] for item in answer.json()["items"]]
            cursor = answer.json().get("next_cursor")
            if not cursor:
                break
        claim(
            sorted(found) == list(range(1, self.last + 1)),
            f"page by page, numbers 1 to {self.last}, each once",
        )
        answer = get(
            "GET",
            "/entries",
            token=self.clerk,
            headers={"Accept": "text/csv"},
            query={"book": entry["book"], "year": entry["year"]},
        )
        claim(
            answer.media_type == "text/csv" and entry["code"].encode() in answer.body,
            "and all of them as CSV",
        )

    def the_receipt(self, registered, documents):
        entry, paths = registered["entry"], registered["receipt"]
        demand(
            paths["json"] == f"{PREFIX}/entries/{entry['id']}/receipt.json", f"the receipt is named: {paths}"
        )
        receipt = self.api.call("GET", "/entries/{}/receipt.json", entry["id"], token=self.eoffice)
        signature = self.api.call("GET", "/entries/{}/receipt.p7s", entry["id"], token=self.eoffice)
        claim(receipt.status == signature.status == 200, "the receipt and its signature can be had")
        text = receipt.body.decode()
        demand(receipt.json(), "the receipt is JSON")
        told = [entry["code"], *(sha256(document.content) for document in documents)]
        claim(
            all(word in text for word in told), "the receipt tells the number and the hash of each document"
        )
        if self.seal_anchor:
            claim(
                verify(signature.body, receipt.body, self.seal_anchor),
                "openssl verifies the entity's seal on it",
            )
            claim(
                not verify(signature.body, receipt.body + b" ", self.seal_anchor), "and not on another text"
            )

    def the_counter(self):
        documents = some_documents()[:1]
        parts = [
            ("submission", None, "application/json", counter_json(self.unit, documents)),
            *(document.as_part() for document in documents),
        ]
        key = str(uuid.uuid4())
        answer = self.api.submit(parts, self.clerk, key, "/entries")
        entry = self.numbered(answer, "a clerk registers paper")["entry"]
        claim(entry["channel"] == "in_person", "it came in person")
        again = self.api.submit(parts, self.clerk, key, "/entries")
        claim(
            again.status == 201 and again.json()["entry"]["number"] == entry["number"],
            "once, however often it is sent",
        )
        answer = self.api.submit(parts, self.eoffice, str(uuid.uuid4()), "/entries")
        claim(answer.said == (403, "forbidden"), "an e-office is no counter: 403", answer.said)
        parts[0] = ("submission", None, "application/json", counter_json(self.unit, documents, channel=None))
        answer = self.api.submit(parts, self.clerk, str(uuid.uuid4()), "/entries")
        claim(
            answer.said == (422, "invalid-submission"), "an entry without a channel is refused", answer.said
        )
        self.year = entry["year"]

    def the_figures(self):
        def figures():
            answer = self.api.call(
                "GET",
                "/reports/channels",
                token=self.auditor,
                query={"from": "01-01", "to": "12-31", "years": self.year},
            )
            demand(answer.status == 200, f"figures: {answer.status}")
            return answer.json()["years"][0]["entries"]

        before = figures()
        demand(before["total"] == sum(before[k] for k in before if k != "total"), "channels sum to the total")
        submission = submission_json(self.unit, [])
        parts = submission_parts(submission, sign(submission, *self.signer), [])
        self.numbered(self.api.submit(parts, self.eoffice, str(uuid.uuid4())), "one more submission")
        after = figures()
        claim(
            (after["total"], after["electronic"]) == (before["total"] + 1, before["electronic"] + 1),
            f"counts in the figures: {after['electronic']} of {after['total']}",
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--url", required=True, help="where the registry listens, such as https://127.0.0.1:8443"
    )
    parser.add_argument("--ca-file", help="PEM: who issued the server's TLS certificate")
    for role in ("eoffice", "clerk", "auditor"):
        parser.add_argument(f"--{role}-token", required=True, help=f"file that holds a token of role {role}")
    parser.add_argument(
        "--stranger-token", required=True, help="file with a token that may not read entries (sac)"
    )
    parser.add_argument("--certificate", required=True, help="PEM: a trusted signer's, NIF 00000000T")
    parser.add_argument("--key", required=True, help="PEM: its private key")
    parser.add_argument(
        "--untrusted-certificate", required=True, help="PEM: one that the registry must not trust"
    )
    parser.add_argument("--untrusted-key", required=True, help="PEM: its private key")
    parser.add_argument("--seal-anchor", help="PEM: the root of the entity's seal")
    parser.add_argument("--unit", help="code of the destination unit; the first of /units when not given")
    arguments = parser.parse_args()
    try:
        Client(arguments).run()
    except Falsehood as falsehood:
        print(f"FALSE {falsehood}", flush=True)
        return 1
    except (OSError, http.client.HTTPException) as error:
        print(f"the registry cannot be talked to: {error}", file=sys.stderr)
        return 2
    print("everything it claims is so")
    return 0


if __name__ == "__main__":
    sys.exit(main())
