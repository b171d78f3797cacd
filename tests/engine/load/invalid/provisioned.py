"""Invalid provisioned things."""

from tests.engine.load.invalid.case import InvalidCase
from tests.support.pki import make_signing_request

CASES = (
    InvalidCase(
        "two provisioned things with the same thing or certificate are reported with both places",
        """
        [provisioning_templates.pump]
        provisioning_role_arn = "arn:aws:iam::123456789012:role/provisioning"

        [provisioning_templates.pump.body.Parameters]
        Name = { Type = "String" }
        Pem = { Type = "String" }

        [provisioning_templates.pump.body.Resources]
        thing = { Type = "AWS::IoT::Thing", Properties = { ThingName = { Ref = "Name" } } }
        certificate = { Type = "AWS::IoT::Certificate", Properties = { CertificatePem = { Ref = "Pem" } } }

        [provisioned_things.one]
        template = "pump"
        parameters = { Name = "pump-1", Pem = { file = "pki/pump-1.pem" } }

        [provisioned_things.two]
        template = "pump"
        parameters = { Name = "pump-1", Pem = { file = "pki/pump-2.pem" } }

        [provisioned_things.three]
        template = "pump"
        parameters = { Name = "pump-3", Pem = { file = "pki/pump-1.pem" } }
        """,
        """
        desired_state.toml:16: error: provisioned_things.two: has the same thing as provisioned_things.one, declared at desired_state.toml:12; expected each thing once
        desired_state.toml:20: error: provisioned_things.three: has the same device certificate as provisioned_things.one, declared at desired_state.toml:12; expected each device certificate once
        """,
    ),
    InvalidCase(
        "a template is a document or a name in the file, not a template outside the file",
        """
        [provisioned_things.one]
        template = "pump"

        [provisioned_things.two]
        template = { id = "pump" }

        [provisioned_things.three]
        template = 5
        """,
        """
        desired_state.toml:2: error: provisioned_things.one.template: provisioning_templates.pump is not declared in this file; expected a name in [provisioning_templates.*], or the document itself
        desired_state.toml:5: error: provisioned_things.two.template: a template that is not in this file cannot be evaluated; expected its body here, or the name of a template declared in [provisioning_templates.*]
        desired_state.toml:8: error: provisioned_things.three.template: got the integer 5; expected a JSON object: { file = "path" }, text, or a table; or a name in this file
        """,
    ),
    InvalidCase(
        "a thing or certificate of a provisioned thing cannot be declared in another table",
        """
        [certificates.pump]
        pem = { file = "pki/pump-1.pem" }

        [provisioned_things.pump]
        parameters = { Pem = { file = "pki/pump-1.pem" } }

        [provisioned_things.pump.template.Parameters]
        Pem = { Type = "String" }

        [provisioned_things.pump.template.Resources]
        thing = { Type = "AWS::IoT::Thing", Properties = { ThingName = "pump-1" } }
        certificate = { Type = "AWS::IoT::Certificate", Properties = { CertificatePem = { Ref = "Pem" } } }

        [things.pump-1]
        """,
        """
        desired_state.toml:4: error: provisioned_things.pump: has the same device certificate as certificates.pump, declared at desired_state.toml:1; expected each device certificate once
        desired_state.toml:14: error: things.pump-1: is the same thing as provisioned_things.pump, declared at desired_state.toml:4; expected each thing once
        """,
    ),
    InvalidCase(
        "the signing request of a template must be valid, and its certificate must be saved",
        """
        [provisioning_templates.pump]
        provisioning_role_arn = "arn:aws:iam::123456789012:role/provisioning"

        [provisioning_templates.pump.body.Parameters]
        Name = { Type = "String" }
        Request = { Type = "String" }

        [provisioning_templates.pump.body.Resources]
        thing = { Type = "AWS::IoT::Thing", Properties = { ThingName = { Ref = "Name" } } }
        certificate = { Type = "AWS::IoT::Certificate", Properties = { CertificateSigningRequest = { Ref = "Request" } } }

        [provisioned_things.one]
        template = "pump"
        parameters = { Name = "pump-1", Request = "junk" }
        save_to = "one.pem"

        [provisioned_things.two]
        template = "pump"
        parameters = { Name = "pump-2", Request = { file = "pump.csr" } }

        [provisioned_things.three]
        template = "pump"
        parameters = { Name = "pump-3", Request = { file = "pump.csr" } }
        save_to = "pki/pump-1.pem"

        [provisioned_things.four]
        template = "pump"
        parameters = { Name = "pump-4", Request = { file = "pump.csr" } }
        save_to = "junk.pem"

        [provisioned_things.five]
        save_to = "five.pem"

        [provisioned_things.five.template.Resources]
        thing = { Type = "AWS::IoT::Thing", Properties = { ThingName = "pump-5" } }
        """,
        """
        desired_state.toml:14: error: provisioned_things.one.parameters: the CertificateSigningRequest is not valid; expected a request in PEM, signed with its own key
        desired_state.toml:17: error: provisioned_things.two.save_to: the certificate that AWS issues would not be saved; expected the path of a new file
        desired_state.toml:24: error: provisioned_things.three.save_to: pki/pump-1.pem has a certificate of another key than the request; expected the certificate that was issued for the request, or a new path
        desired_state.toml:29: error: provisioned_things.four.save_to: junk.pem: no PEM certificate found; expected a file that does not exist yet, or the certificate
        desired_state.toml:32: error: provisioned_things.five.save_to: there is no certificate to save: the template has no CertificateSigningRequest; expected no save_to
        """,
        other_files={"pump.csr": make_signing_request("pump"), "junk.pem": "junk"},
    ),
)
