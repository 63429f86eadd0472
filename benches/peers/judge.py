"""Signatures judged per second by pyHanko and signxml: the files of `cargo bench --bench signatures`, on one core.

    judge.py FOLDER [SECONDS]

pyHanko trusts the same anchor, is given the same intermediate certificate, and the same lists of revoked certificates,
read before the time is taken. signxml looks into no revocation, and takes an intermediate that the signature does not
carry only as one more anchor: its verdicts are less than ours. Every verdict must be good. For the XML there is also
what lxml (libxml2) takes for one reading and one canonical form.
"""

import asyncio
import sys
import time
from io import BytesIO
from pathlib import Path

from asn1crypto import cms, crl, pem, x509
from lxml import etree
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_detached_cms, async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod
from signxml.xades import XAdESVerifier

SPANS = 5


def certificate(path: Path) -> x509.Certificate:
    _, _, der = pem.unarmor(path.read_bytes())
    return x509.Certificate.load(der)


class Judges:
    """What is read once, and one method a kind of file."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.root = certificate(folder / "root.pem")
        self.intermediate = certificate(folder / "intermediate.pem")
        names = ("root.crl", "intermediate.crl")
        self.lists = [crl.CertificateList.load((folder / name).read_bytes()) for name in names]
        self.cades = (folder / "cades.p7s").read_bytes()
        self.content = (folder / "cades.content").read_bytes()
        self.pades = (folder / "pades.pdf").read_bytes()
        self.xades = (folder / "xades.xml").read_bytes()
        self.anchors = str(folder / "root.pem")
        self.chain = str(folder / "both.pem")
        both = (folder / "root.pem").read_bytes() + (folder / "intermediate.pem").read_bytes()
        (folder / "both.pem").write_bytes(both)

    def context(self) -> ValidationContext:
        # A new one for each verdict: it remembers which certificates it found good.
        return ValidationContext(
            trust_roots=[self.root],
            other_certs=[self.intermediate],
            crls=self.lists,
            revocation_mode="require",
            allow_fetching=False,
        )

    def pyhanko_cades(self) -> None:
        signed = cms.ContentInfo.load(self.cades)["content"]
        judging = async_validate_detached_cms(self.content, signed, signer_validation_context=self.context())
        status = self.loop.run_until_complete(judging)
        assert status.bottom_line, status.pretty_print_details()

    def pyhanko_pades(self) -> None:
        signature = PdfFileReader(BytesIO(self.pades)).embedded_signatures[0]
        judging = async_validate_pdf_signature(signature, signer_validation_context=self.context())
        status = self.loop.run_until_complete(judging)
        assert status.bottom_line, status.pretty_print_details()

    def signxml_xades(self) -> None:
        expected = SignatureConfiguration(
            signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            expect_references=2,
        )
        found = XAdESVerifier().verify(self.xades, ca_pem_file=self.chain, expect_config=expected)
        assert found[0].signed_xml is not None

    def lxml_canonical(self) -> None:
        assert etree.tostring(etree.fromstring(self.xades), method="c14n")


def rate(call, seconds: float) -> float:
    """Calls per second: the best of several spans."""
    best = 0.0
    for _ in range(SPANS):
        start, calls = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < seconds / SPANS:
            call()
            calls += 1
        best = max(best, calls / elapsed)
    return best


def main() -> None:
    judges = Judges(Path(sys.argv[1]))
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    for name, call in [
        ("CAdES by pyHanko", judges.pyhanko_cades),
        ("PAdES by pyHanko", judges.pyhanko_pades),
        ("XAdES by signxml", judges.signxml_xades),
        ("XML read and canonical (lxml)", judges.lxml_canonical),
    ]:
        call()
        print(f"{name:<30} {rate(call, seconds):>10.0f} a second", flush=True)


if __name__ == "__main__":
    main()
