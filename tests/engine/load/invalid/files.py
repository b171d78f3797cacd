"""Invalid references to files and secrets."""

from tests.engine.load.invalid.case import InvalidCase

CASES = (
    InvalidCase(
        "a PEM file must exist",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-9.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: there is no file 'pki/pump-9.pem'; expected the path of an existing file, from the folder of the file that refers to it
        """,
    ),
    InvalidCase(
        "a missing file is reported with the nearest one, but not with the next of a series",
        """
        [certificates.a]
        pem = { file = "pki/pomp-1.pem" }

        [certificates.b]
        pem = { file = "pki/pump-3.pem" }

        [certificates.c]
        pem = { file = "pkj/chain.pem" }

        [certificates.d]
        pem = { file = "pki/chain.crt" }
        """,
        """
        desired_state.toml:2: error: certificates.a.pem: there is no file 'pki/pomp-1.pem'; did you mean 'pki/pump-1.pem'?
        desired_state.toml:5: error: certificates.b.pem: there is no file 'pki/pump-3.pem'; expected the path of an existing file, from the folder of the file that refers to it
        desired_state.toml:8: error: certificates.c.pem: there is no file 'pkj/chain.pem'; did you mean 'pki/chain.pem'?
        desired_state.toml:11: error: certificates.d.pem: there is no file 'pki/chain.crt'; expected the path of an existing file, from the folder of the file that refers to it
        """,
    ),
    InvalidCase(
        "a PEM is text or a table whose only key is `file`, with a path",
        """
        [certificates.pump-1]
        pem = { file = "pki/pump-1.pem", encoding = "pem" }

        [certificates.pump-2]
        pem = { path = "pki/pump-2.pem" }

        [certificates.pump-3]
        pem = { file = 3 }

        [certificates.pump-4]
        pem = { env = "PUMP_4" }

        [certificates.pump-5]
        pem = 5
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: not a valid table; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:5: error: certificates.pump-2.pem: not a valid table; expected a certificate in PEM, as text or { file = "path" }; did you mean '{ file = "pki/pump-2.pem" }'?
        desired_state.toml:8: error: certificates.pump-3.pem: file is the integer 3; expected the path of a file
        desired_state.toml:11: error: certificates.pump-4.pem: not a valid table; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:14: error: certificates.pump-5.pem: got the integer 5; expected a certificate in PEM, as text or { file = "path" }
        """,
    ),
    InvalidCase(
        "a file and a text without a PEM certificate are reported",
        """
        [certificates.pump-1]
        pem = { file = "pki/note.txt" }

        [certificates.pump-2]
        pem = "MIIB"

        [certificates.pump-3]
        pem = { file = "pki/factory.key.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: 'pki/note.txt': no PEM certificate found; expected one -----BEGIN CERTIFICATE----- block
        desired_state.toml:5: error: certificates.pump-2.pem: no PEM certificate found; expected a certificate in PEM, as text or { file = "path" }
        desired_state.toml:8: error: certificates.pump-3.pem: 'pki/factory.key.pem': no PEM certificate found: this is a private key, not a certificate; expected one -----BEGIN CERTIFICATE----- block
        """,
    ),
    InvalidCase(
        "a PEM contains one certificate",
        """
        [certificates.pump-1]
        pem = { file = "pki/chain.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: 'pki/chain.pem': 2 PEM certificates found; expected one -----BEGIN CERTIFICATE----- block
        """,
    ),
    InvalidCase(
        "a file must be in the folder of the TOML file",
        """
        [certificates.pump-1]
        pem = { file = "../outside.pem" }

        [certificates.pump-2]
        pem = { file = "/etc/hostname" }

        [certificates.pump-3]
        pem = { file = "pki/link.pem" }

        [certificates.pump-4]
        pem = { file = "pki/../../outside.pem" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: '../outside.pem' is outside the folder of the file that refers to it; expected a file in that folder
        desired_state.toml:5: error: certificates.pump-2.pem: '/etc/hostname' is outside the folder of the file that refers to it; expected a file in that folder
        desired_state.toml:8: error: certificates.pump-3.pem: 'pki/link.pem' is outside the folder of the file that refers to it; expected a file in that folder
        desired_state.toml:11: error: certificates.pump-4.pem: 'pki/../../outside.pem' is outside the folder of the file that refers to it; expected a file in that folder
        """,
    ),
    InvalidCase(
        "a folder, a pipe and an invalid path are not accepted as files",
        r"""
        [certificates.pump-1]
        pem = { file = "pki" }

        [certificates.pump-2]
        pem = { file = "pki/pipe" }

        [certificates.pump-3]
        pem = { file = "pki/\u0000" }

        [certificates.pump-4]
        pem = { file = "" }

        [certificates.pump-5]
        pem = { file = "pki/loop.pem" }
        """,
        r"""
        desired_state.toml:2: error: certificates.pump-1.pem: 'pki' is not a regular file
        desired_state.toml:5: error: certificates.pump-2.pem: 'pki/pipe' is not a regular file
        desired_state.toml:8: error: certificates.pump-3.pem: 'pki/\x00' is not a valid path; expected the path of a file
        desired_state.toml:11: error: certificates.pump-4.pem: file is the string ''; expected the path of a file
        desired_state.toml:14: error: certificates.pump-5.pem: cannot read 'pki/loop.pem': Too many levels of symbolic links
        """,
    ),
    InvalidCase(
        "a file that is too large or not UTF-8 is rejected",
        """
        [certificates.pump-1]
        pem = { file = "pki/large.pem" }

        [certificates.pump-2]
        pem = { file = "pki/latin-1.txt" }
        """,
        """
        desired_state.toml:2: error: certificates.pump-1.pem: the file 'pki/large.pem' is too large; expected at most 1 MiB
        desired_state.toml:5: error: certificates.pump-2.pem: the file 'pki/latin-1.txt' is not UTF-8 text
        """,
    ),
    InvalidCase(
        "a secret in the TOML file is rejected and not revealed, not even as a variable's name",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        authentication_material = "hunter2"

        [managed_things.pump-2]
        role = "DEVICE"
        authentication_material = { value = "hunter2" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"

        [managed_things.pump-3]
        role = "DEVICE"
        authentication_material = { env = "hunter 2!" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        """
        desired_state.toml:4: error: managed_things.pump-1.authentication_material: a secret cannot be written into the file; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        desired_state.toml:8: error: managed_things.pump-2.authentication_material: not a valid table; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }
        desired_state.toml:13: error: managed_things.pump-3.authentication_material: env is not a valid environment variable name; expected letters, digits and _
        """,
    ),
    InvalidCase(
        "a secret's file must exist and not be empty",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        authentication_material = { file = "pki/none.txt" }

        [managed_things.pump-2]
        role = "DEVICE"
        authentication_material = { file = "pki/empty.txt" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        """
        desired_state.toml:4: error: managed_things.pump-1.authentication_material: there is no file 'pki/none.txt'; did you mean 'pki/note.txt'?
        desired_state.toml:8: error: managed_things.pump-2.authentication_material: the file 'pki/empty.txt' is empty; expected a file with the secret
        """,
    ),
    InvalidCase(
        "an unset or empty environment variable is a warning among the errors",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        authentication_material = { env = "PUMP_1_QR" }
        colour = "red"

        [managed_things.pump-2]
        role = "DEVICE"
        authentication_material = { env = "PUMP_2_QR" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"

        [managed_things.pump-3]
        role = "DEVICE"
        authentication_material = { env = "PUMP_3_QR" }
        authentication_material_type = "ZWAVE_QR_BAR_CODE"
        """,
        """
        desired_state.toml:5: error: managed_things.pump-1.colour: unknown key; expected one of {keys of managed_things}
        desired_state.toml:9: warning: managed_things.pump-2.authentication_material: env PUMP_2_QR is unset or empty; expected a value before a plan uses it
        desired_state.toml:14: warning: managed_things.pump-3.authentication_material: env PUMP_3_QR is unset or empty; expected a value before a plan uses it
        """,
        environ={"PUMP_1_QR": "90017", "PUMP_3_QR": ""},
    ),
    InvalidCase(
        "a secret that AWS would reject is reported without its value",
        """
        [managed_things.pump-1]
        role = "DEVICE"
        authentication_material_type = "CUSTOM_PROTOCOL_QR_BAR_CODE"
        authentication_material = { env = "PUMP_1_QR" }

        [managed_things.pump-2]
        role = "DEVICE"
        authentication_material = { env = "PUMP_2_QR" }
        authentication_material_type = "CUSTOM_PROTOCOL_QR_BAR_CODE"
        """,
        r"""
        desired_state.toml:4: error: managed_things.pump-1.authentication_material: the value is not accepted by AWS; expected a match of [0-9A-Za-z!#$%&()*\+\-;<=>?@^_`{|}~\/: {},\\"]+
        desired_state.toml:8: error: managed_things.pump-2.authentication_material: the value has the wrong length; expected at most 512
        """,
        environ={"PUMP_1_QR": "hunter²", "PUMP_2_QR": "n" * 600},
    ),
)
