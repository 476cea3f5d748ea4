# SPDX-License-Identifier: MIT

"""A certificate authority for the tests, made by openssl in a folder of its own."""

import subprocess
from pathlib import Path

NAMES = "DNS:localhost,DNS:smarthost.test,IP:127.0.0.1,IP:::1"


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """ca is the file to trust; certificate(kind) gives (certificate file, key file).

    Kinds: "right" (localhost, smarthost.test, 127.0.0.1), "other" (another
    name), "expired", "soon" (in a week), "stranger" (right name, signed by nobody we trust).
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self._ca_key = self.folder / "ca.key"
        self._self_signed("ca", "mailchute test authority", "basicConstraints=critical,CA:TRUE")

    def certificate(self, kind="right"):
        certificate, key = self.folder / f"{kind}.pem", self.folder / f"{kind}.key"
        if not certificate.exists():
            if kind == "stranger":
                self._self_signed(kind, "smarthost.test", f"subjectAltName={NAMES}")
            else:
                self._signed(kind)
        return certificate, key

    def _self_signed(self, name, common_name, extension):
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.pem"),
                 "-subj", f"/CN={common_name}", "-days", "30", "-addext", extension)

    def _signed(self, kind):
        names = "DNS:other.example" if kind == "other" else NAMES
        common_name = "other.example" if kind == "other" else "smarthost.test"
        request, extensions = self.folder / f"{kind}.csr", self.folder / f"{kind}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", str(self.folder / f"{kind}.key"), "-out", str(request),
                 "-subj", f"/CN={common_name}")
        # openssl x509 takes a negative number of days: valid until yesterday.
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.ca),
                 "-CAkey", str(self._ca_key), "-CAcreateserial",
                 "-days", {"expired": "-1", "soon": "7"}.get(kind, "30"),
                 "-extfile", str(extensions), "-out", str(self.folder / f"{kind}.pem"))
