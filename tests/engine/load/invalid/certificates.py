"""Invalid certificates, CAs and private keys."""

from tests.engine.load.invalid.case import InvalidCase
from tests.support.pki import encode_key, generate_ec_key, make_signing_request

CASES = (
    InvalidCase(
        "a certificate declared under two names is reported with both places",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem" }

        [certificates.pump-2]
        pem = { file = "pki/pump-1.pem" }
        """,
        """
        desired_state.toml:5: error: certificates.pump-2.pem: is the same device certificate as certificates.pump-1, declared at desired_state.toml:1; expected each device certificate once
        """,
    ),
    InvalidCase(
        "a PEM that is not an X.509 certificate is reported as that, and not as one of another CA",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"

        [certificates.pump-1]
        pem = { file = "pki/garbage.pem" }
        ca = "factory"
        """,
        """
        desired_state.toml:6: error: certificates.pump-1.pem: not a valid X.509 certificate: it is not DER; expected a certificate in PEM
        """,
    ),
    InvalidCase(
        "save_to names a new file or the file of the issued certificate",
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
        desired_state.toml:7: error: certificates.pump-2.save_to: empty.pem: no PEM certificate found: this is empty; expected a file that does not exist yet, or the certificate
        """,
        other_files={
            "pump.csr": make_signing_request("pump"),
            "valve.csr": make_signing_request("valve"),
            "other.pem": "junk",
            "empty.pem": "",
        },
    ),
    InvalidCase(
        "a certificate that AWS issues has a valid request, a file to save it to, and no field that AWS chooses",
        """
        [certificates.pump-1]
        csr = "junk"
        save_to = "one.pem"

        [certificates.pump-2]
        csr = { file = "pump.csr" }

        [certificates.pump-3]
        csr = { file = "pump.csr" }
        save_to = "pki/pump-1.pem"

        [certificates.pump-4]
        csr = { file = "pump.csr" }
        save_to = "four.pem"
        certificate_mode = "SNI_ONLY"
        status = "REVOKED"
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.csr: not a certificate signing request; expected a signing request in PEM, signed with its own key
        desired_state.toml:5: error: certificates.pump-2.save_to: there is no file for the issued certificate; expected the path of a new file
        desired_state.toml:10: error: certificates.pump-3.save_to: pki/pump-1.pem has a certificate of another key than the request; expected the certificate that was issued for the request, or a new path
        desired_state.toml:13: error: certificates.pump-4.csr: AWS signs what it issues; expected neither ca nor certificate_mode
        desired_state.toml:16: error: certificates.pump-4.status: AWS issues no revoked certificate; expected ACTIVE or INACTIVE
        """,
        other_files={"pump.csr": make_signing_request("pump")},
    ),
    InvalidCase(
        "a certificate whose key AWS creates has one source, files of its own, and no field that AWS chooses",
        """
        [certificates.pump-1]
        private_key = { save_to = "one.pem" }
        csr = "junk"

        [certificates.pump-2]
        private_key = { save_to = "two.pem" }
        save_to = "./two.pem"

        [certificates.pump-3]
        private_key = { save_to = "other.pem" }

        [certificates.pump-4]
        private_key = { save_to = "pump.key" }
        save_to = "pki/pump-1.pem"

        [certificates.pump-5]
        private_key = { save_to = "five.pem" }
        certificate_mode = "SNI_ONLY"
        status = "REVOKED"

        [certificates.pump-6]
        private_key = "six.pem"
        """,
        """
        desired_state.toml:1: error: certificates.pump-1.pem: a certificate needs exactly one source; expected one of pem, csr and private_key
        desired_state.toml:6: error: certificates.pump-2.private_key.save_to: two.pem is also the file for the certificate; expected another path for the key
        desired_state.toml:10: error: certificates.pump-3.private_key.save_to: other.pem exists and is not a private key in PEM; expected a file that does not exist yet, or the key of the certificate
        desired_state.toml:14: error: certificates.pump-4.save_to: pki/pump-1.pem has a certificate of another key than the private key; expected the certificate that was issued for the private key, or a new path
        desired_state.toml:17: error: certificates.pump-5.private_key: AWS signs what it issues; expected neither ca nor certificate_mode
        desired_state.toml:19: error: certificates.pump-5.status: AWS issues no revoked certificate; expected ACTIVE or INACTIVE
        desired_state.toml:22: error: certificates.pump-6.private_key: got a string; expected a table with save_to or secretsmanager
        """,
        other_files={"other.pem": "junk", "pump.key": encode_key(generate_ec_key())},
    ),
    InvalidCase(
        "a device certificate must be signed by the CA that it refers to",
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
    InvalidCase(
        "an expired certificate is a warning among the errors",
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
    InvalidCase(
        "a device certificate is not accepted as a CA",
        """
        [ca_certificates.factory]
        pem = { file = "pki/pump-1.pem" }
        certificate_mode = "SNI_ONLY"
        """,
        """
        desired_state.toml:2: error: ca_certificates.factory.pem: this is not a CA certificate; expected a certificate with the basic constraint CA:TRUE
        """,
    ),
    InvalidCase(
        "a CA needs one verification in DEFAULT mode and none in SNI_ONLY mode",
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
    InvalidCase(
        "a registration template is a name, a reference or a JSON object",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        certificate_mode = "SNI_ONLY"
        registration_template = 5

        [ca_certificates.other]
        pem = { file = "pki/other.pem" }
        certificate_mode = "SNI_ONLY"
        registration_template = { file = "broken.json" }

        [ca_certificates.third]
        pem = { file = "pki/third.pem" }
        certificate_mode = "SNI_ONLY"
        registration_template = { id = "no name" }
        """,
        """
        desired_state.toml:4: error: ca_certificates.factory.registration_template: got the integer 5; expected a name in this file, { id = "…" } or { arn = "…" }; or a JSON object: { file = "path" }, text, or a table
        desired_state.toml:9: error: ca_certificates.other.registration_template: 'broken.json': not JSON: Expecting value: line 1 column 1 (char 0); expected a JSON object: { file = "path" }, text, or a table
        desired_state.toml:14: error: ca_certificates.third.registration_template: 'no name' is not accepted by AWS; expected a match of ^[0-9A-Za-z_-]+$
        """,
        other_files={"broken.json": "broken"},
    ),
    InvalidCase(
        "a verification is a private key or a certificate",
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
        desired_state.toml:11: error: ca_certificates.third.verification: got a string; expected a table with key or certificate
        """,
    ),
    InvalidCase(
        "the verification key must match the certificate",
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
    InvalidCase(
        "an invalid private key is reported without its content",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        verification.key = { env = "FACTORY_KEY" }

        [ca_certificates.other]
        pem = { file = "pki/other.pem" }
        verification.key = "-----BEGIN PRIVATE KEY-----"
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.verification.key: the key from env FACTORY_KEY is not an unencrypted private key in PEM; expected the CA's own private key, as unencrypted PEM
        desired_state.toml:7: error: ca_certificates.other.verification.key: a secret cannot be written into the file; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        """,
        environ={"FACTORY_KEY": "hunter2"},
    ),
    InvalidCase(
        "the verification certificate must be signed by the CA",
        """
        [ca_certificates.factory]
        pem = { file = "pki/factory.pem" }
        verification.certificate = { file = "pki/stranger.pem" }
        """,
        """
        desired_state.toml:3: error: ca_certificates.factory.verification.certificate: this CA did not sign the verification certificate; expected a certificate that the CA signed
        """,
    ),
    InvalidCase(
        "a certificate with a CA cannot have a mode of its own",
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
    InvalidCase(
        "a private key in the wrong place is not revealed",
        r"""
        [ca_certificates.factory]
        pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
        verification = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"

        [ca_certificates.other]
        pem = { file = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----" }
        verification.key = { file = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----" }
        """,
        """
        desired_state.toml:2: error: ca_certificates.factory.pem: no PEM certificate found: this is a private key, not a certificate; expected one -----BEGIN CERTIFICATE----- block
        desired_state.toml:3: error: ca_certificates.factory.verification: got a string; expected a table with key or certificate
        desired_state.toml:6: error: ca_certificates.other.pem: file has several lines; expected the path of a file
        desired_state.toml:7: error: ca_certificates.other.verification.key: file has several lines; expected the path of a file
        """,
    ),
)
