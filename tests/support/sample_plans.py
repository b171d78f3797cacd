"""Sample plans and steps, built without the engine and without a registry."""

from __future__ import annotations

from collections import Counter

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, FieldChange, Replace, Update
from reconciler.model.pem import Pem
from reconciler.model.plan import Bottleneck, Estimate, Note, Plan, Step, Target
from reconciler.model.resource import Live, Origin, Resource
from reconciler.model.secret import Secret, walk_secrets

OLD_PEM = Pem("9f8e7d6c5b4a" + "0" * 52)
NEW_PEM = Pem("ab12cd34ef56" + "0" * 52, source="pki/pump-7.pem")
HOSTILE_TEXT = '<script>alert("1")</script> [bold red]x[/] \x1b[31m\u202ered'
TARGET = Target("embedded", "eu-west-1", "123456789012")


def make_resource_at_line(kind: str, name: str, spec: object, line: int = 1) -> Resource:
    """Make a resource that is declared in this line of `desired_state.toml`."""
    return Resource(Address(kind, name), spec, origin=Origin("desired_state.toml", line))


def make_sample_plan(*steps: Step, notes: tuple[Note, ...] = (), unchanged: int = 0) -> Plan:
    """Make a plan of steps, with the time that its bottleneck takes.

    Its bottleneck is the operation of the first call. `unchanged` is the number of resources that the plan does not change.
    """
    counts = Counter((call.service, call.operation) for step in steps for call in step.calls)
    bottleneck, seconds = None, 0.0
    if counts:
        (_, operation), count = next(iter(counts.items()))
        bottleneck, seconds = Bottleneck(operation, count, rate=10.0), count / 10.0
    return Plan(
        "greenhouse",
        TARGET,
        steps,
        "3f9a2c81d0e2" + "0" * 52,
        Estimate(dict(counts), seconds, bottleneck),
        unchanged,
        notes,
        secrets=frozenset(
            secret for step in steps for call in step.calls for secret in walk_secrets(call.params)
        ),
    )


def make_thing_creation(name: str, *fields: FieldChange, line: int = 1) -> Create:
    """Make the change that creates a thing.

    Each of `fields` has the new value as `after`, and None as `before`.
    """
    return Create(make_resource_at_line("things", name, Thing(), line), fields)


ROTATION = Step(
    Replace(
        make_resource_at_line("certificates", "pump-7", Certificate(NEW_PEM), 24),
        Live(OLD_PEM.fingerprint, Certificate(OLD_PEM)),
        (
            FieldChange("pem", OLD_PEM, NEW_PEM, forces_replacement=True),
            FieldChange("status", "INACTIVE", "ACTIVE"),
        ),
    ),
    (
        ApiCall("iot", "RegisterCertificate", {"certificatePem": "…", "status": "ACTIVE"}),
        ApiCall("iot", "DeleteCertificate", {"certificateId": OLD_PEM.fingerprint}),
    ),
)
CREATION = Step(
    make_thing_creation(
        "pump-8",
        FieldChange("attributes.site", None, "bergen"),
        FieldChange("certificates", None, ("pump-8",)),
        line=40,
    ),
    (ApiCall("iot", "CreateThing", {"thingName": "pump-8"}),),
)
UPDATE = Step(
    Update(
        make_resource_at_line("things", "pump-7", Thing(), 44),
        Live("pump-7", Thing(), version=3),
        (
            FieldChange("attributes.firmware", "1.2", None),
            FieldChange("attributes.owner", None, "Acme Corp"),
            FieldChange("attributes.site", "oslo", "bergen"),
            FieldChange("certificates", ("pump-7", "pump-3"), ("pump-7", "pump-9")),
        ),
    ),
    (ApiCall("iot", "UpdateThing", {"thingName": "pump-7", "expectedVersion": 3}),),
)
DELETION = Step(
    Delete(
        Address("things", "pump-3"), Live("pump-3", Thing()), (FieldChange("attributes.site", "oslo", None),)
    ),
    (ApiCall("iot", "DeleteThing", {"thingName": "pump-3", "expectedVersion": 1}),),
)
MANAGED_THING_CREATION = Step(
    Create(
        make_resource_at_line(
            "managed_things",
            "pump-8",
            ManagedThing(
                role="DEVICE",
                authentication_material=Secret("env PUMP_8_QR", "canary"),
                authentication_material_type="ZWAVE_QR_BAR_CODE",
                serial_number="SN-0008",
            ),
            61,
        )
    ),
    (
        ApiCall(
            "iot-managed-integrations",
            "CreateManagedThing",
            {"Role": "DEVICE", "AuthenticationMaterial": Secret("env PUMP_8_QR", "canary")},
        ),
    ),
)
FULL_PLAN = make_sample_plan(
    ROTATION,
    DELETION,
    UPDATE,
    CREATION,
    MANAGED_THING_CREATION,
    notes=(
        Note("warning", "the certificate expires on 2026-01-04", Address("certificates", "pump-9")),
        Note("unmanaged", "not managed by any workspace", Address("things", "pump-99")),
    ),
    unchanged=12,
)
