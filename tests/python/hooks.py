"""Schemathesis hooks: tokens for every role, and requests that can succeed among the generated ones.

Generated bodies are never really signed and generated ids are never there, so by itself Schemathesis
would only ever see refusals. Some of the cases that it means to be good are therefore made good: a signed
submission, the id of an entry that stands, an entry in the state that the operation wants. All other
cases go out as generated, with a token of the right role, of another one, a false one or none.

`contract.py` sets VENTANILLA_CONTRACT to a JSON file: url, ca_file, tokens by role, unit, certificate, key,
and `log`, where each answer is noted.
"""

import datetime
import hashlib
import json
import os
import pathlib
import threading
import uuid

import schemathesis

from api import PREFIX, Api
from sending import (
    counter_json,
    multipart,
    sign,
    some_documents,
    submission_json,
    submission_parts,
)

SETTINGS = json.loads(pathlib.Path(os.environ["VENTANILLA_CONTRACT"]).read_text())
TOKENS = SETTINGS["tokens"]
JSON = "application/json"

# Which role may call an operation, where its description in the document (`x-roles`) does not tell.
# The first that fits counts; the path is without /api/v1.
ROLES = [
    ("POST", "/submissions", "eoffice"),
    ("POST", "/acceptance", "unit"),
    ("POST", "/return", "unit"),
    ("GET", "/access-log", "auditor"),
    ("GET", "/reports/", "auditor"),
    ("", "/attentions", "sac"),
    ("", "/appointments", "sac"),
    ("", "/tokens", "admin"),
    ("", "/users", "admin"),
    ("", "/calendar", "admin"),
    ("", "/settings", "admin"),
    ("", "/catalogues", "admin"),
    ("", "", "clerk"),
]


class World:
    """The registry as it stands: makes what an operation needs, by the front door."""

    def __init__(self):
        self.api = Api(SETTINGS["url"], SETTINGS.get("ca_file"))
        self.unit = SETTINGS["unit"]
        self.readable = None
        self.served = False

    def submission(self):
        documents = some_documents()
        submission = submission_json(self.unit, documents)
        return submission_parts(
            submission, sign(submission, SETTINGS["certificate"], SETTINGS["key"]), documents
        )

    def counter_entry(self):
        documents = some_documents()[:1]
        submission = ("submission", None, JSON, counter_json(self.unit, documents))
        return [submission, *(document.as_part() for document in documents)]

    def entry(self):
        """A new entry of the counter, with its ETag."""
        answer = self.api.submit(self.counter_entry(), TOKENS["clerk"], str(uuid.uuid4()), "/entries")
        assert answer.status == 201, f"a counter entry: {answer.said} {answer.body[:500]!r}"
        return self.read(answer.json()["entry"]["id"])

    def read(self, entry_id):
        answer = self.api.call("GET", "/entries/{}", entry_id, token=TOKENS["clerk"])
        assert answer.status == 200, f"an entry just made: {answer.said}"
        return answer.json()["entry"], answer.headers.get("ETag")

    def some_entry(self):
        """One entry for all that only read."""
        if self.readable is None:
            answer = self.api.submit(self.submission(), TOKENS["eoffice"], str(uuid.uuid4()))
            assert answer.status == 201, f"a signed submission: {answer.said} {answer.body[:500]!r}"
            self.readable = self.read(answer.json()["entry"]["id"])
        return self.readable[0]

    def distributed(self):
        entry, etag = self.entry()
        headers = {"If-Match": etag, "Content-Type": JSON, "Idempotency-Key": str(uuid.uuid4())}
        answer = self.api.call(
            "POST",
            "/entries/{}/distribution",
            entry["id"],
            token=TOKENS["clerk"],
            headers=headers,
            body=json.dumps({"unit": self.unit}),
        )
        assert answer.status < 300, f"distribution: {answer.said} {answer.body[:500]!r}"
        return self.read(entry["id"])

    def administer(self, method, path, *values, content=None):
        """What an administrator does; the answer's JSON."""
        body = None if content is None else json.dumps(content)
        headers = {} if content is None else {"Content-Type": JSON}
        answer = self.api.call(method, path, *values, token=TOKENS["admin"], headers=headers, body=body)
        assert answer.status < 300, f"{method} {path}: {answer.said} {answer.body[:500]!r}"
        return answer.json()

    def book(self):
        """A book without entries; its code."""
        code, content = fresh_book()
        self.administer("PUT", "/books/{}", code, content=content)
        return code

    def token(self):
        """The id of a token that is nobody's."""
        content = {"name": f"contract-{uuid.uuid4()}", "role": "sac"}
        return self.administer("POST", "/tokens", content=content)["id"]

    def anchor(self):
        return self.administer("POST", "/trust-anchors", content=authority())["sha256"]

    def attention(self):
        """The id of an attention that nobody withdrew."""
        body = json.dumps({"channel": "phone", "unit": self.unit, "topic": "Padrón"})
        answer = self.api.call(
            "POST", "/attentions", token=TOKENS["sac"], headers={"Content-Type": JSON}, body=body
        )
        assert answer.status == 201, answer.body[:500]
        return answer.json()["id"]

    def incident(self):
        """The id of an incident that goes on."""
        return self.administer("POST", "/incidents", content=INCIDENT)["id"]

    def clerk(self):
        """The name of a new clerk's token."""
        content = {"name": f"contract-{uuid.uuid4()}", "role": "clerk"}
        self.administer("POST", "/tokens", content=content)
        return content["name"]

    def service(self):
        """A service that anybody can book at, made once."""
        if not self.served:
            content = {"name": "Servicio", "department": self.unit, "active_per_person": 1000}
            self.administer("PUT", "/services/{}", "contrato", content=content)
            self.administer("PUT", "/services/{}/agenda", "contrato", content=self.agenda())
            self.served = True
        return "contrato"

    def agenda(self):
        day = datetime.date.today() + datetime.timedelta(days=2)
        places = {"public": 200, "staff": 0}
        extra = {"date": day.isoformat(), "from": "09:00", "to": "14:00", "places": places}
        return {"rules": [], "extra": [extra]}

    def start(self):
        """A free start."""
        self.service()
        answer = self.api.call("GET", "/services/{}/slots", "contrato")
        assert answer.status == 200, f"slots: {answer.said}"
        return answer.json()["items"][0]["start"]

    def booking(self):
        person = {"name": "Ana García", "phone": "600000000"}
        return {"service": self.service(), "start": self.start(), "person": person}

    def appointment(self):
        """The code of an appointment that stands."""
        headers = {"Content-Type": JSON, "Idempotency-Key": str(uuid.uuid4())}
        answer = self.api.call("POST", "/appointments", headers=headers, body=json.dumps(self.booking()))
        assert answer.status == 201, f"an appointment: {answer.said} {answer.body[:500]!r}"
        return answer.json()["appointment"]["code"]

    def official(self):
        """A token with which somebody makes copies."""
        name = self.clerk()
        self.administer("PUT", "/officials/{}", name, content=OFFICIAL)
        return name

    def kept(self):
        """An entry of which the office keeps something, and its ETag."""
        entry, _ = self.entry()
        answer = self.api.call(
            "POST",
            "/entries/{}/custody",
            entry["id"],
            token=TOKENS["clerk"],
            headers={"Content-Type": JSON},
            body=json.dumps(KEPT),
        )
        assert answer.status < 300, f"custody: {answer.said} {answer.body[:500]!r}"
        return self.read(entry["id"])

    def quarantined(self):
        """An entry whose first document is in quarantine."""
        entry, _ = self.entry()
        answer = self.api.call(
            "POST",
            "/entries/{}/documents/{}/quarantine",
            entry["id"],
            entry["documents"][0]["id"],
            token=TOKENS["clerk"],
            headers={"Content-Type": JSON},
            body=json.dumps(FOUND),
        )
        assert answer.status < 300, f"quarantine: {answer.said} {answer.body[:500]!r}"
        return entry


FOUND = {"finding": "Win.Test.EICAR_HDB-1"}
INCIDENT = {"description": "La sede no responde.", "started_at": "2026-03-02T09:30:00+01:00"}
EXTENSION = {
    "procedures": "Todos",
    "ending_from": "2026-03-02",
    "ending_to": "2026-03-03",
    "extended_to": "2026-03-05",
}
OFFICIAL = {"name": "María Ruiz Vega", "post": "Auxiliar administrativa"}
KEPT = {"what": "Sobre cerrado", "place": "Armario 3"}


def fresh_book():
    letters = uuid.uuid4().hex
    return f"libro-{letters[:12]}", {"name": "Libro", "kind": "incoming", "prefix": letters[:6].upper()}


def authority():
    root = pathlib.Path(SETTINGS["certificate"]).parent / "root.crt"
    return {"certificate": root.read_text()}


WORLD = World()


def send_multipart(case, kwargs, parts):
    case.headers["Content-Type"], kwargs["data"] = multipart(parts)


def send_json(case, kwargs, content):
    case.headers["Content-Type"] = JSON
    kwargs["data"] = json.dumps(content)


def change(made, content):
    """An operation that changes an entry: on one made for it, in the state it is now."""

    def prepare(case, kwargs):
        entry, etag = made()
        fill(case, entry["id"])
        if etag:
            case.headers["If-Match"] = etag
        send_json(case, kwargs, content) if content is not None else None

    return prepare


def fill(case, *values):
    """Gives the path's parameters their values, in the order in which they stand."""
    names = [step[1:-1] for step in case.path.split("/") if step.startswith("{")]
    assert len(names) >= len(values), f"{case.path} has fewer parameters than {values}"
    for name, value in zip(names, values, strict=False):
        case.path_parameters[name] = value


def add_document(case, kwargs):
    entry, etag = WORLD.entry()
    fill(case, entry["id"])
    if etag:
        case.headers["If-Match"] = etag
    documents = some_documents()[:1]
    content = json.dumps({"documents": [document.as_json() for document in documents]}).encode()
    send_multipart(case, kwargs, [("submission", None, JSON, content), documents[0].as_part()])


def validate_signature(case, kwargs):
    content = b"signed"
    signature = sign(content, SETTINGS["certificate"], SETTINGS["key"])
    parts = [
        ("file", "signature.p7s", "application/pkcs7-signature", signature),
        ("content", "content", "application/octet-stream", content),
    ]
    send_multipart(case, kwargs, parts)


def read(case, kwargs):
    """Anything under an entry that only reads: ids of the entry, and of its first document."""
    entry = WORLD.some_entry()
    ids = [entry["id"], entry["documents"][0]["id"]]
    fill(case, *ids[: case.path.count("{")])


def read_inside(case, kwargs):
    """What is inside the last of an entry's documents, which is signed."""
    entry = WORLD.some_entry()
    fill(case, entry["id"], entry["documents"][-1]["id"])


def by_number(case, kwargs):
    entry = WORLD.some_entry()
    fill(case, entry["book"], entry["year"], entry["number"])


def plain(case, kwargs):
    """What is generated as good can succeed, once nothing optional gets in its way."""
    case.query.clear()


def office(case, kwargs):
    """An office that is there."""
    case.query.clear()
    WORLD.administer("PUT", "/offices/{}", "O09999999", content={"name": "Oficina", "own": False})
    fill(case, "O09999999")


def put(made):
    """What an administrator makes: the code that it gets, and what is said of it."""

    def prepare(case, kwargs):
        code, content = made()
        fill(case, code)
        send_json(case, kwargs, content)

    return prepare


def end_custody(case, kwargs):
    entry, etag = WORLD.kept()
    fill(case, entry["id"], 1)
    if etag:
        case.headers["If-Match"] = etag
    send_json(case, kwargs, {"outcome": "returned", "to": "Ana"})


def quarantine(case, kwargs):
    entry, etag = WORLD.entry()
    fill(case, entry["id"], entry["documents"][0]["id"])
    if etag:
        case.headers["If-Match"] = etag
    send_json(case, kwargs, FOUND)


def release(case, kwargs):
    entry = WORLD.quarantined()
    fill(case, entry["id"], entry["documents"][0]["id"])
    send_json(case, kwargs, {"reason": "Falso positivo"})


def publish_calendar(case, kwargs):
    fill(case, 2031, "local")
    send_json(case, kwargs, {"holidays": [{"date": "2031-08-20", "name": "Feria"}]})


def classify(case, kwargs):
    fill(case, WORLD.attention())
    send_json(case, kwargs, {"topic": "Basuras"})


def of_incident(content):
    def prepare(case, kwargs):
        fill(case, WORLD.incident())
        send_json(case, kwargs, content) if content is not None else None

    return prepare


def of_service(made):
    """A service that is open the day after tomorrow, and what is sent to it."""

    def prepare(case, kwargs):
        case.query.clear()
        fill(case, WORLD.service())
        case.headers.pop("If-Match", None)
        send_json(case, kwargs, made()) if made is not None else None

    return prepare


def of_appointment(made):
    def prepare(case, kwargs):
        fill(case, WORLD.appointment())
        send_json(case, kwargs, made()) if made is not None else None

    return prepare


def book(case, kwargs):
    WORLD.service()
    case.headers["Idempotency-Key"] = str(uuid.uuid4())
    send_json(case, kwargs, WORLD.booking())


def take_away(made):
    return lambda case, kwargs: fill(case, made())


def figures(case, kwargs):
    case.query.clear()
    case.query.update({"from": "03-01", "to": "08-31", "years": "2025,2026"})


def figures_of(more):
    def prepare(case, kwargs):
        case.query.clear()
        case.query.update({"from": "2026-03-01", "to": "2026-08-31", **more})

    return prepare


PREPARE = {
    ("POST", "/submissions"): lambda case, kwargs: send_multipart(case, kwargs, WORLD.submission()),
    ("POST", "/entries"): lambda case, kwargs: send_multipart(case, kwargs, WORLD.counter_entry()),
    ("POST", "/entries/{}/documents"): add_document,
    ("GET", "/entries/{}/documents/{}/content"): read_inside,
    ("POST", "/entries/{}/annulment"): change(WORLD.entry, {"reason": "duplicado"}),
    ("POST", "/entries/{}/rectifications"): change(
        WORLD.entry, {"reason": "errata", "changes": {"subject": "Asunto corregido"}}
    ),
    ("POST", "/entries/{}/distribution"): change(WORLD.entry, {"unit": WORLD.unit}),
    ("POST", "/entries/{}/acceptance"): change(WORLD.distributed, {}),
    ("POST", "/entries/{}/return"): change(WORLD.distributed, {"reason": "no es competente"}),
    ("POST", "/entries/{}/custody"): change(WORLD.entry, KEPT),
    ("POST", "/entries/{}/custody/{}/end"): end_custody,
    ("POST", "/entries/{}/documents/{}/quarantine"): quarantine,
    ("POST", "/entries/{}/documents/{}/release"): release,
    ("POST", "/erasures"): lambda case, kwargs: send_json(
        case,
        kwargs,
        {"entry": WORLD.entry()[0]["code"], "ground": "court_order", "reason": "Sentencia 45/2032"},
    ),
    ("POST", "/signatures/validate"): validate_signature,
    ("POST", "/attentions"): lambda case, kwargs: send_json(
        case, kwargs, {"channel": "phone", "unit": WORLD.unit, "topic": "Padrón"}
    ),
    ("POST", "/attentions/days"): lambda case, kwargs: send_json(
        case,
        kwargs,
        {"date": "2026-03-02", "unit": WORLD.unit, "attentions": [{"channel": "phone", "count": 3}]},
    ),
    ("PATCH", "/attentions/{}"): classify,
    ("GET", "/services/{}"): of_service(None),
    ("PUT", "/services/{}"): put(lambda: ("contrato", {"name": "Servicio", "department": WORLD.unit})),
    ("GET", "/services/{}/agenda"): of_service(None),
    ("PUT", "/services/{}/agenda"): of_service(lambda: WORLD.agenda()),
    ("GET", "/services/{}/slots"): of_service(None),
    ("POST", "/services/{}/holds"): of_service(lambda: {"start": WORLD.start()}),
    ("POST", "/appointments"): book,
    ("GET", "/appointments/{}"): of_appointment(None),
    ("POST", "/appointments/{}/move"): of_appointment(lambda: {"start": WORLD.start()}),
    ("POST", "/appointments/{}/cancellation"): of_appointment(dict),
    ("GET", "/books/{}/{}/{}"): by_number,
    ("GET", "/reports/channels"): figures,
    ("GET", "/reports/entries"): figures_of({"by": "month"}),
    ("PUT", "/units/{}"): put(lambda: ("CONTRATO-1", {"name": "Unidad", "own": True})),
    ("GET", "/offices/{}"): office,
    ("PUT", "/offices/{}"): put(lambda: ("O09999999", {"name": "Oficina", "own": False})),
    ("PUT", "/books/{}"): put(fresh_book),
    ("DELETE", "/books/{}"): take_away(WORLD.book),
    ("PUT", "/calendar/{}/{}"): publish_calendar,
    ("PUT", "/officials/{}"): put(lambda: (WORLD.clerk(), OFFICIAL)),
    ("DELETE", "/officials/{}"): take_away(WORLD.official),
    ("POST", "/incidents"): lambda case, kwargs: send_json(case, kwargs, INCIDENT),
    ("GET", "/incidents/{}"): of_incident(None),
    ("POST", "/incidents/{}/end"): of_incident({"ended_at": "2026-03-02T10:00:00+01:00"}),
    ("POST", "/incidents/{}/extensions"): of_incident(EXTENSION),
    ("POST", "/tokens"): lambda case, kwargs: send_json(
        case, kwargs, {"name": f"contract-{uuid.uuid4()}", "role": "sac"}
    ),
    ("DELETE", "/tokens/{}"): take_away(WORLD.token),
    ("POST", "/trust-anchors"): lambda case, kwargs: send_json(case, kwargs, authority()),
    ("DELETE", "/trust-anchors/{}"): take_away(WORLD.anchor),
}


def shape_of(path):
    path = path.removeprefix(PREFIX)
    return "/".join("{}" if step.startswith("{") else step for step in path.split("/"))


def right_role(operation):
    declared = operation.definition.raw.get("x-roles")
    if declared is not None:
        return next((role for role in declared if role in TOKENS), None)
    path, method = shape_of(operation.path), operation.method.upper()
    return next(role for verb, part, role in ROLES if verb in ("", method) and part in path)


SEEN, LOCK = set(), threading.Lock()


def chance(case):
    """A number from 0 to 255 that a repetition of the same case gets again."""
    told = (case.method, case.path, case.path_parameters, case.query, case.body)
    return hashlib.sha256(repr(told).encode(errors="replace")).digest()[0]


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    label = (operation.method.upper(), shape_of(operation.path))
    number = chance(case)
    good = case.meta is None or not case.meta.generation.mode.is_negative
    with LOCK:
        first = good and label not in SEEN
        SEEN.add(label) if good else None
    role = right_role(operation)
    bare = not case.path_parameters and not case.query and case.media_type is None
    if good and (first or bare or number % 3 == 0):
        prepare = PREPARE.get(label)
        if prepare is None:
            prepare = read if "/entries/{}" in label[1] and label[0] == "GET" else plain
        prepare(case, kwargs)
        case.headers.pop("Authorization", None)
        if role is not None:
            case.headers["Authorization"] = f"Bearer {TOKENS[role]}"
        if label[0] == "POST":
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        return
    if label == ("DELETE", "/tokens/{}") and case.path_parameters:
        # Ids of tokens are learnt from their list, and these are needed: only fresh ones are revoked, above.
        case.path_parameters["id"] = str(uuid.uuid4())
    # As generated: mostly with the right token, so that it is read beyond the first door.
    others = sorted(TOKENS.values())
    token = {0: None, 1: "not-a-token", 2: others[number % len(others)]}.get(
        number // 3 % 10, TOKENS[role] if role else None
    )
    case.headers.pop("Authorization", None)
    if token is not None:
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context, case, response):
    line = json.dumps([f"{case.operation.method.upper()} {case.operation.path}", response.status_code])
    with LOCK, open(SETTINGS["log"], "a", encoding="utf-8") as log:
        log.write(line + "\n")
