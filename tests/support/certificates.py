"""Makes certificates for localhost, and an authority that clients can trust, for each run anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: a server's certificate (chain) and key, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


def make_certificates(folder: Path, *names: str) -> Certificates:
    """Writes a certificate for the names (default: localhost, 127.0.0.1, ::1) into `folder`, and returns the paths."""
    authority = trustme.CA()
    leaf = authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
    made = Certificates(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    made.certificate.write_bytes(chain)
    made.key.write_bytes(leaf.private_key_pem.bytes())
    made.authority.write_bytes(authority.cert_pem.bytes())
    return made
