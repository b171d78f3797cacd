"""What the file says of a managed thing.

Source: managed integrations API reference, CreateManagedThing and UpdateManagedThing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from attrs import frozen

from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.managed_setup_code import RememberedText
from reconciler.model.document import Document
from reconciler.model.resource import NotCompared, Reference
from reconciler.model.secret import Secret, SecretDigest

OPTIONAL_MEMBERS = {
    "owner": "Owner",
    "credential_locker": "CredentialLockerId",
    "serial_number": "SerialNumber",
    "brand": "Brand",
    "model": "Model",
    "classification": "Classification",
    "wi_fi_simple_setup_configuration": "WiFiSimpleSetupConfiguration",
    "hub_network_mode": "HubNetworkMode",
}
"""Fields that the file may leave out. What it never said is AWS's to fill in and is not compared; a tag remembers what
it has said, because AWS has no way to clear one: it takes a replacement."""

LOCKER, WIFI, MODE = "credential_locker", "wi_fi_simple_setup_configuration", "hub_network_mode"

CAPABILITY_MEMBERS = {
    "capabilities": "Capabilities",
    "capability_report": "CapabilityReport",
    "capability_schemas": "CapabilitySchemas",
}
"""What the device itself may go on to refine: AWS does not give it back, or not as it was given. A tag remembers the hash
of what the file said, and that is what is compared."""


@frozen
class WiFiSimpleSetup:
    """How a device takes part in Wi-Fi simple set-up."""

    stored_name: ClassVar[str] = "simple_setup"

    enable_as_provisioner: bool
    enable_as_provisionee: bool
    timeout_in_minutes: int


@frozen
class ManagedThing:
    """`[managed_things.*]`."""

    role: Literal["CONTROLLER", "DEVICE"] = member(
        "A hub is a CONTROLLER, what it speaks to a DEVICE.",
        api="CreateManagedThing.Role",
        on_change="replaces",
    )
    authentication_material: Secret | SecretDigest | NotCompared | None = member(
        "The device's setup code. Never shown, never stored.",
        api="CreateManagedThing.AuthenticationMaterial",
        on_change="replaces",
    )
    authentication_material_type: str | NotCompared = member(
        "What kind of code it is.", api="CreateManagedThing.AuthenticationMaterialType", on_change="replaces"
    )
    thing: Reference | None = member(
        "The thing that is the same device; recorded in the meta data.", references="things", default=None
    )
    name: str | None = member(
        "The name in managed integrations; by default the one in this file.",
        api="CreateManagedThing.Name",
        default=None,
    )
    serial_number: str | None = member("Serial number.", api="CreateManagedThing.SerialNumber", default=None)
    brand: str | None = member("Brand.", api="CreateManagedThing.Brand", default=None)
    model: str | None = member("Model.", api="CreateManagedThing.Model", default=None)
    owner: str | None = member("Whom the device belongs to.", api="CreateManagedThing.Owner", default=None)
    classification: str | None = member(
        "What the device is, such as a light bulb.", api="CreateManagedThing.Classification", default=None
    )
    credential_locker: Reference | None = member(
        "The credential locker, by id.",
        api="CreateManagedThing.CredentialLockerId",
        references="credential_lockers",
        default=None,
    )
    capabilities: str | RememberedText | None = member(
        "What the device can do, as JSON text. AWS gives it back as the device changed it, so the file's own is compared.",
        api="CreateManagedThing.Capabilities",
        default=None,
    )
    capability_report: Document | RememberedText | None = member(
        "What the device can do, as a capability report; compared as the file says it.",
        api="CreateManagedThing.CapabilityReport",
        default=None,
    )
    capability_schemas: tuple[Document, ...] | RememberedText = member(
        "Schemas of its capabilities; compared as the file says them.",
        api="CreateManagedThing.CapabilitySchemas",
        default=(),
    )
    wi_fi_simple_setup_configuration: WiFiSimpleSetup | None = member(
        "How it takes part in Wi-Fi simple set-up.",
        api="CreateManagedThing.WiFiSimpleSetupConfiguration",
        default=None,
    )
    hub_network_mode: Literal["STANDARD", "NETWORK_WIDE_EXCLUSION"] | None = member(
        "Which devices a hub excludes; set right after the hub is made.",
        api="UpdateManagedThing.HubNetworkMode",
        default=None,
    )
    meta_data: Mapping[str, str] = member("Meta data.", api="CreateManagedThing.MetaData", factory=dict)
    tags: Mapping[str, str] = member("Tags.", api="CreateManagedThing.Tags", factory=dict)


def set_optional_fields(spec: ManagedThing) -> list[str]:
    """The optional fields that it says something about."""
    return [name for name in OPTIONAL_MEMBERS if getattr(spec, name) is not None]


@frozen
class ManagedThingFacts:
    """What else is read of a managed thing.

    `candidates` describes all unmanaged ones that the file could mean, where it is one of them; `controls` are the ids of
    the devices that a hub controls.
    """

    candidates: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
