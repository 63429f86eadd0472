"""What pyHanko says of the seals in a PDF, as JSON: pdf_seal.py FILE ANCHOR.pem INTERMEDIATE.pem..."""

import asyncio
import io
import json
import sys
from pathlib import Path

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

# A seal is no act of a person, and its certificate need not allow non-repudiation.
USAGES = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)


async def seals(path: str, anchor: str, *others: str):
    context = ValidationContext(
        trust_roots=[load_cert_from_pemder(anchor)],
        other_certs=[load_cert_from_pemder(other) for other in others],
        revocation_mode="soft-fail",
    )
    for signature in PdfFileReader(io.BytesIO(Path(path).read_bytes())).embedded_regular_signatures:
        status = await async_validate_pdf_signature(signature, context, key_usage_settings=USAGES)
        stamp = status.timestamp_validity
        yield {
            "field": signature.field_name,
            "sub_filter": signature.sig_object["/SubFilter"],
            "name": signature.sig_object["/Name"],
            "valid": status.bottom_line,
            "intact": status.intact,
            "trusted": status.trusted,
            "coverage": status.coverage.name,
            "timestamp": stamp is not None and stamp.valid and stamp.trusted,
        }


async def main():
    print(json.dumps([seal async for seal in seals(*sys.argv[1:])]))


asyncio.run(main())
