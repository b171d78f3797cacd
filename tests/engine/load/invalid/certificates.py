"""Certificates, their CAs, their keys."""

from tests.engine.load.invalid.case import Broken
from tests.support.pki import signing_request

CASES = (
    Broken(
        "a certificate under two names is told with both places",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }

        [certificates.pump-2]
        pem = { file = "pki/pump-1.pem" }
        """,
        """
        desired_state.toml:5: error: certificates.pump-2.pem: the same device certificate as certificates.pump-1 at desired_state.toml:1; expected each once
        """,
    ),
    Broken(
        "a certificate that is no X.509 is told",
        """
        [certificates.pump-1]
        pem = { file = "pki/garbage.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: not a valid X.509 certificate; expected a certificate in PEM
        """,
    ),
    Broken(
        "where an issued certificate is to be saved there is that certificate or nothing, not even an empty file",
        """
        [certificates.pump-1]
        csr = { file = "pump.csr" }
        save_to = "other.pem"

        [certificates.pump-2]
        csr = { file = "valve.csr" }
        save_to = "empty.pem"
        """,
        """
        desired_state.toml:3: error: certificates.pump-1.save_to: other.pem: no PEM certificate found; expected a file that does not exist yet, or the certificate
        desired_state.toml:7: error: certificates.pump-2.save_to: empty.pem: no PEM certificate found; expected a file that does not exist yet, or the certificate
        """,
        beside={
            "pump.csr": signing_request("pump"),
            "valve.csr": signing_request("valve"),
            "other.pem": "junk",
            "empty.pem": "",
        },
    ),
    Broken(
        "a device certificate has to be signed by the CA that it names",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"

        [certificates.pump-1]
        pem = { file = "pki/stranger.pem" }
        ca = "factory"
        """,
        """
        desired_state.toml:6: error: certificates.pump-1.pem: ca_certificates.factory did not sign this certificate; expected a certificate signed by 'factory'
        """,
    ),
    Broken(
        "an expired certificate is a warning",
        """
        [certificates.pump-1]
        pem = { file = "pki/expired.pem" }

        [certificates.pump-3]
        status = "GONE"
        """,
        """
        desired_state.toml:2: warning: certificates.pump-1.pem: the certificate expired on {yesterday}
        desired_state.toml:5: error: certificates.pump-3.status: 'GONE' is not valid; expected one of 'ACTIVE', 'INACTIVE', 'REVOKED'
        """,
    ),
    Broken(
        "a device certificate is no CA",
        """
        [ca_certificates.factory]
        pem = { file = "pki/pump-1.pem" }
        certificate_mode = "SNI_ONLY"
        """,
        """
        desired_state.toml:2: error: ca_certificates.factory.pem: this is not a CA certificate; expected a certificate with the basic constraint CA:TRUE
        """,
    ),
    Broken(
        "a CA in DEFAULT mode needs one verification, in SNI_ONLY none",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }

        [ca_certificates.other]
        pem = { file = "pki/other.pem" }
        certificate_mode = "SNI_ONLY"
        verification = { key = { file = "pki/other.key.pem" } }
        """,
        """
        desired_state.toml:1: error: ca_certificates.factory.verification: a DEFAULT CA needs exactly one verification; expected either verification.key or verification.certificate, to prove that the CA's key is yours
        desired_state.toml:7: error: ca_certificates.other.verification: an SNI_ONLY CA takes no verification; expected no verification
        """,
    ),
    Broken(
        "a verification is a key or a certificate",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        verification = { key = { file = "pki/factory.key.pem" }, certificate = { file = "pki/pump-1.pem" } }

        [ca_certificates.other]
        pem = { file = "pki/other.pem" }
        verification = { keys = { file = "pki/other.key.pem" } }

        [ca_certificates.third]
        pem = { file = "pki/third.pem" }
        verification = "pki/third.key.pem"
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.verification: a DEFAULT CA needs exactly one verification; expected either verification.key or verification.certificate, to prove that the CA's key is yours
        desired_state.toml:7: error: ca_certificates.other.verification.keys: unknown key; did you mean 'key'?
        desired_state.toml:11: error: ca_certificates.third.verification: a string; expected a table with key or certificate
        """,
    ),
    Broken(
        "the key has to be the one of the certificate",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }

        [ca_certificates.factory.verification]
        key = { file = "pki/other.key.pem" }
        """,
        """
        desired_state.toml:5: error: ca_certificates.factory.verification.key: the key from file pki/other.key.pem does not match the certificate; expected the CA's own private key, as unencrypted PEM
        """,
    ),
    Broken(
        "a key that is no key is told without what it holds",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        verification.key = { env = "FACTORY_KEY" }

        [ca_certificates.other]
        pem = { file = "pki/other.pem" }
        verification.key = "-----BEGIN PRIVATE KEY-----"
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.verification.key: the key from env FACTORY_KEY does not match the certificate; expected the CA's own private key, as unencrypted PEM
        desired_state.toml:7: error: ca_certificates.other.verification.key: a secret is never written into the file; expected { env = "NAME" } or { file = "path" }
        """,
        environ={"FACTORY_KEY": "hunter2"},
    ),
    Broken(
        "the verification certificate has to be signed by the CA",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        verification.certificate = { file = "pki/stranger.pem" }
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.verification.certificate: this CA did not sign the verification certificate; expected a certificate that the CA signed
        """,
    ),
    Broken(
        "the CA determines the mode",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"

        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }
        ca = "factory"
        certificate_mode = "SNI_ONLY"
        """,
        """
        desired_state.toml:8: error: certificates.pump-1.certificate_mode: the CA determines the mode; expected either ca or certificate_mode
        """,
    ),
    Broken(
        "a key in the wrong place is not told",
        r"""
        [ca_certificates.factory]
        pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
        verification = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"

        [ca_certificates.other]
        pem = { file = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----" }
        verification.key = { file = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----" }
        """,
        """
        desired_state.toml:2: error: ca_certificates.factory.pem: no PEM certificate found; expected one -----BEGIN CERTIFICATE----- block
        desired_state.toml:3: error: ca_certificates.factory.verification: a string; expected a table with key or certificate
        desired_state.toml:6: error: ca_certificates.other.pem: file is a text of several lines; expected the path of a file
        desired_state.toml:7: error: ca_certificates.other.verification.key: file is a text of several lines; expected the path of a file
        """,
    ),
)
