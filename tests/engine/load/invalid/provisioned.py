"""Invalid provisioned things."""

from tests.engine.load.invalid.case import InvalidCase

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
)
