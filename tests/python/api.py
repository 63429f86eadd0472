"""The registry's HTTP interface as its own OpenAPI document tells it."""

import http.client
import json
import re
import ssl
import urllib.parse

from sending import multipart

PREFIX = "/api/v1"
PROBLEM = "application/problem+json"


class Falsehood(Exception):
    """The registry claims or does something that is not so."""


def claim(truth, words, found=None):
    if not truth:
        raise Falsehood(words if found is None else f"{words}; but: {found}")
    print(f"ok    {words}", flush=True)


def demand(truth, words):
    """Like `claim`, for what is taken for granted until it fails."""
    if not truth:
        raise Falsehood(words)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def media_type(self):
        return (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()

    def json(self):
        return json.loads(self.body)

    @property
    def said(self):
        """Status, and the slug of a problem (RFC 9457) or what came instead of one."""
        if self.media_type == PROBLEM:
            return self.status, self.json().get("type", "").removeprefix("/problems/")
        return self.status, f"no problem but {self.media_type}"


class Api:
    def __init__(self, url, ca_file=None):
        parsed = urllib.parse.urlsplit(url)
        self.secure, self.host, self.port = parsed.scheme == "https", parsed.hostname, parsed.port
        self.tls = ssl.create_default_context(cafile=ca_file) if self.secure else None
        answer = self.send("GET", f"{PREFIX}/openapi.json")
        demand(answer.status == 200, f"the OpenAPI document is served: {answer.status}")
        document = self.document = answer.json()
        demand(str(document.get("openapi", "")).startswith("3.1"), "the document is OpenAPI 3.1")
        # By shape: the names of parameters say nothing here.
        self.operations = {}
        base = urllib.parse.urlsplit(
            (document.get("servers") or [{"url": ""}])[0].get("url", "")
        ).path.rstrip("/")
        for path, item in document["paths"].items():
            for method in {"get", "post", "put", "patch", "delete"} & item.keys():
                full = path if path.startswith(PREFIX) or not base else base + path
                shape = re.sub(r"\{[^}]*\}", "{}", full)
                self.operations[method.upper(), shape] = full, self.resolve(document, item[method])

    def labels(self):
        """`METHOD /path` of every operation, as the document writes them."""
        verbs = {"get", "post", "put", "patch", "delete"}
        return [
            f"{verb.upper()} {path}"
            for path, item in self.document["paths"].items()
            for verb in sorted(verbs & item.keys())
        ]

    @staticmethod
    def resolve(document, operation):
        """Statuses, and the media types that each may have; references among responses are followed."""
        responses = {}
        for status, response in operation.get("responses", {}).items():
            while "$ref" in response:
                found = document
                for step in response["$ref"].removeprefix("#/").split("/"):
                    found = found[step.replace("~1", "/").replace("~0", "~")]
                response = found
            responses[status] = {media.split(";")[0].strip().lower() for media in response.get("content", {})}
        return responses

    def send(self, method, target, body=None, headers=None):
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        more = {"context": self.tls} if self.secure else {}
        connection = kind(self.host, self.port, timeout=60, **more)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def call(self, method, shape, *values, token=None, query=None, body=None, headers=None):
        """One operation of the document. What it answers must be documented there."""
        known = self.operations.get((method, PREFIX + shape))
        demand(known is not None, f"the document has {method} {PREFIX + shape}")
        path, responses = known
        values = iter(values)
        target = re.sub(r"\{[^}]*\}", lambda _: urllib.parse.quote(str(next(values)), safe=""), path)
        if query:
            target += "?" + urllib.parse.urlencode(query)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.send(method, target, body, headers)
        family = f"{answer.status // 100}XX"
        documented = next(
            (responses[s] for s in (str(answer.status), family, "default") if s in responses), None
        )
        demand(documented is not None, f"{method} {path} answers {answer.status}, which is not documented")
        demand(
            not answer.body
            or not documented
            or answer.media_type in documented
            or f"{answer.media_type.split('/')[0]}/*" in documented
            or "*/*" in documented,
            f"{method} {path} answers {answer.status} as {answer.media_type}, which is not documented",
        )
        return answer

    def submit(self, parts, token, key=None, shape="/submissions"):
        content_type, body = multipart(parts)
        headers = {"Content-Type": content_type}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.call("POST", shape, token=token, body=body, headers=headers)
