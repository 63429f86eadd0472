"""Holds a running registry to its OpenAPI document.

    python3 contract.py PROGRAM [--engine sqlite|postgres] [--quick]

Starts PROGRAM (the `ventanilla` binary) in a fresh folder, over HTTPS and with keys made for this run, then
lets three strangers at it: a validator reads the document, `client.py` checks what the registry claims, and
Schemathesis sends what nobody thought of. Fails unless every operation of the document has answered 2xx at
least once, nothing answered 5xx, and nothing came that the document does not tell.

With --engine postgres, VENTANILLA_TEST_POSTGRES and VENTANILLA_TEST_S3_* must be set (see tests/services).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from openapi_spec_validator import validate

import pki
from api import Api

HERE = pathlib.Path(__file__).resolve().parent
ROLES = ("eoffice", "clerk", "unit", "auditor", "sac", "agenda_manager", "admin")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)


def fail(words):
    print(f"contract: {words}", file=sys.stderr, flush=True)
    raise SystemExit(1)


class Server:
    def __init__(self, program, folder, engine):
        self.program, self.folder = program, folder
        keys = pki.make(folder / "pki")
        self.keys = keys
        self.environment = os.environ | {
            "VENTANILLA_LISTEN": "127.0.0.1:0",
            "VENTANILLA_TLS__CERTIFICATE": str(keys / "server.crt"),
            "VENTANILLA_TLS__KEY": str(keys / "server.key"),
            "VENTANILLA_SEAL__CERTIFICATE": str(keys / "seal.crt"),
            "VENTANILLA_SEAL__KEY": str(keys / "seal.key"),
            "VENTANILLA_SIGNATURE__TRUST_ANCHORS": str(keys / "anchors"),
            # Strangers try more codes here than anybody may outside.
            "VENTANILLA_LIMITS__CODES_PER_MINUTE": "0",
            "VENTANILLA_ENTITY__CSV_REGULATION": "Ordenanza 3/2024, art. 31",
        }
        if engine == "postgres":
            self.environment |= self.big_site()
        self.run("init", "--dir", str(folder / "registry"))
        self.process, self.url = self.start()

    def big_site(self):
        server, _ = os.environ["VENTANILLA_TEST_POSTGRES"].rsplit("/", 1)
        name = f"test_{os.getpid()}_{uuid.uuid4().hex}"
        psql = os.path.join(os.environ["VENTANILLA_TEST_POSTGRES_BIN"], "psql")
        command = [psql, "--quiet", os.environ["VENTANILLA_TEST_POSTGRES"], "-c", f"CREATE DATABASE {name}"]
        subprocess.run(command, check=True)
        return {
            "VENTANILLA_DATABASE__URL": f"{server}/{name}",
            "VENTANILLA_OBJECTS__URL": f"s3://{os.environ['VENTANILLA_TEST_S3_BUCKET']}/{name}",
            "VENTANILLA_OBJECTS__ENDPOINT": os.environ["VENTANILLA_TEST_S3_ENDPOINT"],
            "VENTANILLA_OBJECTS__REGION": os.environ["VENTANILLA_TEST_S3_REGION"],
            "VENTANILLA_OBJECTS__ACCESS_KEY_ID": os.environ["VENTANILLA_TEST_S3_ACCESS_KEY"],
            "VENTANILLA_OBJECTS__SECRET_ACCESS_KEY": os.environ["VENTANILLA_TEST_S3_SECRET_KEY"],
        }

    @property
    def config(self):
        return ["--config", str(self.folder / "registry" / "ventanilla.toml")]

    def run(self, *arguments):
        command = [self.program, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            fail(f"{' '.join(command)}: {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def start(self):
        process = subprocess.Popen(
            [self.program, "serve", *self.config], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        log = (self.folder / "server.log").open("w")
        listening, heard = [], threading.Event()

        def read():
            for line in process.stderr:
                log.write(line)
                log.flush()
                if found := re.match(r"listening on (\S+)", line):
                    listening.append(found[1])
                    heard.set()
            heard.set()

        threading.Thread(target=read, daemon=True).start()
        heard.wait(60)
        if not listening:
            process.kill()
            fail(f"the server does not listen\n{self.log()}")
        return process, listening[0]

    def log(self):
        return (self.folder / "server.log").read_text()[-8000:]

    def token(self, role, *more):
        path = self.folder / f"{role}.token"
        name = f"contract-{role}"
        path.write_text(
            self.run("token", "create", "--role", role, "--name", name, *more, *self.config) + "\n"
        )
        return path

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            fail("the server did not end within 40 s of SIGTERM")
        if status != 0:
            fail(f"the server ended with {status} after SIGTERM\n{self.log()}")


def first_code(answer, what):
    if answer.status != 200:
        fail(f"{what}: {answer.said} {answer.body[:500]!r}")
    listed = answer.json()
    return (listed["items"] if isinstance(listed, dict) else listed)[0]["code"]


def run_client(server, tokens):
    keys = server.keys
    command = [sys.executable, HERE / "client.py", "--url", server.url, "--ca-file", keys / "root.crt"]
    command += ["--eoffice-token", tokens["eoffice"], "--clerk-token", tokens["clerk"]]
    command += ["--auditor-token", tokens["auditor"], "--stranger-token", tokens["sac"]]
    command += ["--certificate", keys / "citizen.crt", "--key", keys / "citizen.key"]
    command += ["--untrusted-certificate", keys / "stranger.crt", "--untrusted-key", keys / "stranger.key"]
    command += ["--seal-anchor", keys / "root.crt"]
    if subprocess.run(command, check=False).returncode != 0:
        fail(f"the client was told something false\n{server.log()}")


def run_schemathesis(server, tokens, unit, examples):
    folder, keys = server.folder, server.keys
    settings = {
        "url": server.url,
        "ca_file": str(keys / "root.crt"),
        "tokens": {role: path.read_text().strip() for role, path in tokens.items()},
        "unit": unit,
        "certificate": str(keys / "citizen.crt"),
        "key": str(keys / "citizen.key"),
        "log": str(folder / "answers.jsonl"),
    }
    (folder / "contract.json").write_text(json.dumps(settings))
    (folder / "answers.jsonl").touch()
    command = [pathlib.Path(sys.executable).parent / "schemathesis", "--no-color", "run"]
    command += [f"{server.url}/api/v1/openapi.json", "--checks", CHECKS, "--tls-verify", keys / "root.crt"]
    command += ["--max-examples", str(examples), "--seed", "1", "--phases", "examples,coverage,fuzzing"]
    command += ["--generation-database", "none", "--continue-on-failure", "--warnings", "off"]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "VENTANILLA_CONTRACT": str(folder / "contract.json"),
    }
    status = subprocess.run(command, env=environment, cwd=folder, check=False).returncode

    answers = collections.defaultdict(collections.Counter)
    for line in (folder / "answers.jsonl").read_text().splitlines():
        operation, code = json.loads(line)
        answers[operation][code] += 1
    print("\nanswers:")
    for operation, codes in sorted(answers.items()):
        print(f"  {operation:60} " + " ".join(f"{code}×{n}" for code, n in sorted(codes.items())))
    if status != 0:
        fail(f"schemathesis found differences (above)\n{server.log()}")
    return answers


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", help="the ventanilla binary")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--examples", type=int, default=30, help="cases an operation in the fuzzing phase")
    parser.add_argument("--only-client", action="store_true", help="leave Schemathesis out")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ventanilla-contract-") as folder:
        folder = pathlib.Path(folder)
        server = Server(str(pathlib.Path(arguments.program).resolve()), folder, arguments.engine)
        try:
            tokens = {"auditor": server.token("auditor")}
            api = Api(server.url, str(server.keys / "root.crt"))
            validate(api.document)
            auditor = tokens["auditor"].read_text().strip()
            unit = first_code(api.call("GET", "/units", token=auditor), "units")
            office = first_code(api.call("GET", "/offices", token=auditor), "offices")
            more = {
                "clerk": ["--office", office],
                "unit": ["--unit", unit],
                "agenda_manager": ["--unit", unit],
            }
            for role in ROLES:
                tokens.setdefault(role, server.token(role, *more.get(role, [])))
            run_client(server, tokens)
            if not arguments.only_client:
                answers = run_schemathesis(server, tokens, unit, arguments.examples)
                never = sorted(
                    label
                    for label in api.labels()
                    if not any(200 <= code < 300 for code in answers.get(label, ()))
                )
                if never:
                    fail("these never answered 2xx: " + ", ".join(never))
                broken = sorted(label for label, codes in answers.items() if any(c >= 500 for c in codes))
                if broken:
                    fail("these answered 5xx: " + ", ".join(broken))
        finally:
            server.process.poll() is None and server.stop()
    print(f"contract: held on {arguments.engine} in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
