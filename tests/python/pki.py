"""A test PKI made with the openssl program: who may sign, who may not, the entity's seal, a server.

    python3 pki.py FOLDER

Keys are made anew each time and live a day: nothing here is worth stealing or committing.
"""

import pathlib
import subprocess
import sys

CITIZEN = "/C=ES/serialNumber=IDCES-00000000T/SN=GARCIA LOPEZ/GN=ANA/CN=GARCIA LOPEZ ANA - 00000000T"

EXTENSIONS = """
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
extendedKeyUsage = clientAuth, emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def make(folder):
    """Writes NAME.crt and NAME.key for root, citizen, seal, server, stranger_root and stranger."""
    folder = pathlib.Path(folder)
    (folder / "anchors").mkdir(parents=True, exist_ok=True)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def authority(name, subject):
        openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-sha256",
            "-days",
            "1",
            "-subj",
            subject,
            "-config",
            "extensions.cnf",
            "-extensions",
            "authority",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.crt",
        )

    def certificate(name, subject, kind, issuer):
        openssl(
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            subject,
            "-config",
            "extensions.cnf",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        )
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            f"{issuer}.crt",
            "-CAkey",
            f"{issuer}.key",
            "-CAcreateserial",
            "-sha256",
            "-days",
            "1",
            "-extfile",
            "extensions.cnf",
            "-extensions",
            kind,
            "-out",
            f"{name}.crt",
        )

    (folder / "extensions.cnf").write_text("[req]\ndistinguished_name = nobody\n[nobody]\n" + EXTENSIONS)
    authority("root", "/C=ES/O=Ventanilla test/CN=Test root, trusted")
    authority("stranger_root", "/C=ES/O=Ventanilla test/CN=Test root that nobody trusts")
    certificate("citizen", CITIZEN, "signer", "root")
    certificate("stranger", CITIZEN, "signer", "stranger_root")
    certificate(
        "seal",
        "/C=ES/O=Ventanilla test/organizationIdentifier=VATES-P2900000G/CN=Test seal of the entity",
        "signer",
        "root",
    )
    certificate("server", "/CN=localhost", "server", "root")
    (folder / "anchors" / "root.crt").write_bytes((folder / "root.crt").read_bytes())
    return folder


if __name__ == "__main__":
    make(sys.argv[1])
