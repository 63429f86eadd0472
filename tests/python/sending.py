"""What an e-office or a counter sends: the bytes of a submission, signed by the openssl program, as multipart."""

import base64
import hashlib
import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import time
import uuid

DS = "http://www.w3.org/2000/09/xmldsig#"


def uuid7():
    """RFC 9562, 5.7: 48 bits of milliseconds, then chance."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=value & ~(3 << 62) | 2 << 62))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sign(content, certificate, key):
    """A detached CAdES signature (CMS with the signing certificate among its signed attributes), in DER."""
    command = [
        "openssl",
        "cms",
        "-sign",
        "-binary",
        "-cades",
        "-md",
        "sha256",
        "-outform",
        "DER",
        "-signer",
        str(certificate),
        "-inkey",
        str(key),
    ]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def verify(signature, content, anchor):
    """Whether openssl takes the detached CMS for a good one over the content."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "content").write_bytes(content)
        (folder / "signature").write_bytes(signature)
        command = [
            "openssl",
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            folder / "signature",
            "-content",
            folder / "content",
            "-CAfile",
            anchor,
            "-purpose",
            "any",
            "-out",
            os.devnull,
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def multipart(parts):
    """RFC 7578. `parts`: (name, file name or None, media type, bytes). Returns content type and body."""
    boundary = secrets.token_hex(16)
    body = b""
    for name, filename, media_type, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += (
            f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {media_type}\r\n\r\n".encode()
            + content
            + b"\r\n"
        )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


class Document:
    def __init__(self, part, content, filename, media_type, title):
        self.part, self.content, self.filename, self.media_type, self.title = (
            part,
            content,
            filename,
            media_type,
            title,
        )

    def as_json(self):
        return {
            "part": self.part,
            "filename": self.filename,
            "sha256": sha256(self.content),
            "media_type": self.media_type,
            "title": self.title,
            "validity": "copy",
            "kind": "attachment",
        }

    def as_part(self):
        return (self.part, self.filename, self.media_type, self.content)


def some_documents():
    pdf = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n%"
        + secrets.token_hex(8).encode()
    )
    text = f"Memoria de la obra, con eñe y €. {secrets.token_hex(8)}\n".encode() * 4000
    return [
        Document("plano", pdf, "plano.pdf", "application/pdf", "Plano"),
        Document("memoria", text, "memoria.txt", "text/plain", "Memoria"),
        Document("informe", signed_xml(text[:50]), "informe.xsig", "application/xml", "Informe"),
    ]


def signed_xml(content):
    """A document inside a signature that nobody made, in the form that AutoFirma calls detached."""
    inside = base64.b64encode(content).decode()
    return f"""<AFIRMA><CONTENT Id="c" MimeType="text/plain" Encoding="{DS}base64">{inside}</CONTENT>\
<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="urn:none"/>\
<ds:SignatureMethod Algorithm="urn:none"/><ds:Reference URI="#c"><ds:DigestMethod Algorithm="urn:none"/>\
<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature></AFIRMA>""".encode()


def party():
    return {
        "person_type": "natural",
        "id_type": "nif",
        "id": "00000000T",
        "given_name": "Ana",
        "first_surname": "García",
        "second_surname": "López",
        "email": "ana@example.org",
        "notification_channel": "electronic",
        "receives_notifications": True,
        "address": {
            "country": "724",
            "province": "29",
            "municipality": "29007",
            "street": "Calle Mayor 1",
            "postcode": "29130",
        },
    }


def submission_json(unit, documents, **changes):
    """The exact bytes that are signed and sent."""
    content = {
        "submission_id": uuid7(),
        "subject": "Solicitud de licencia de obra menor",
        "statement": "Cambio de cubierta.",
        "request": "Que se conceda.",
        "destination_unit": unit,
        "interested_parties": [party()],
        "documents": [document.as_json() for document in documents],
    }
    content.update(changes)
    return json.dumps(content, ensure_ascii=False).encode()


def counter_json(unit, documents, **changes):
    content = {
        "channel": "in_person",
        "subject": "Instancia general en papel",
        "destination_unit": unit,
        "interested_parties": [party()],
        "physical_documents": "none",
        "documents": [document.as_json() for document in documents],
    }
    content.update(changes)
    return json.dumps(content, ensure_ascii=False).encode()


def submission_parts(submission, signature, documents):
    parts = [("submission", None, "application/json", submission)]
    if signature is not None:
        parts.append(("signature", "signature.p7s", "application/pkcs7-signature", signature))
    return parts + [document.as_part() for document in documents]
