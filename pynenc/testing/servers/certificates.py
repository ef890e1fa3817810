"""A certificate for a server of a test session, made on the spot."""

from pathlib import Path


class Certificates:
    """A certificate authority of its own, and a certificate for this machine that it signed."""

    def __init__(self, folder: Path) -> None:
        # Only who asks for TLS needs it installed.
        import trustme  # noqa: PLC0415

        folder.mkdir()
        #: What a client is to trust.
        self.authority = folder / "ca.pem"
        #: What the server shows, with the chain up to the authority.
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1", "::1")
        authority.cert_pem.write_to_path(self.authority)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(self.certificate, append=number > 0)
        self.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(self.key)
