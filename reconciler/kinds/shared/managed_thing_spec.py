"""The fields of a managed thing.

Source: managed integrations API reference, CreateManagedThing and UpdateManagedThing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.managed_setup_code import HashedText
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
"""The request members of those optional fields that are left to AWS if the file has never set them.

Such a field is then not compared. A tag stores which of these fields the file has set, because AWS cannot clear them:
removing one from the file needs a replacement.
"""

CREDENTIAL_LOCKER = "credential_locker"
WIFI_SIMPLE_SETUP = "wi_fi_simple_setup_configuration"
HUB_NETWORK_MODE = "hub_network_mode"

CAPABILITY_MEMBERS = {
    "capabilities": "Capabilities",
    "capability_report": "CapabilityReport",
    "capability_schemas": "CapabilitySchemas",
}
"""The request members of the fields that the device itself may refine.

AWS does not return them, or not as they were sent. A tag stores a hash of the value in the file, which is compared instead.
"""


@frozen
class WiFiSimpleSetup:
    """How a device takes part in Wi-Fi simple setup.

    `stored_name` is the name of this type in plan files and digests.
    """

    stored_name: ClassVar[str] = "simple_setup"

    enable_as_provisioner: bool = member(
        "Whether the device can configure other devices.",
        api="CreateManagedThing.WiFiSimpleSetupConfiguration.EnableAsProvisioner",
    )
    enable_as_provisionee: bool = member(
        "Whether other devices can configure the device.",
        api="CreateManagedThing.WiFiSimpleSetupConfiguration.EnableAsProvisionee",
    )
    timeout_in_minutes: int = member(
        "The timeout in minutes.",
        api="CreateManagedThing.WiFiSimpleSetupConfiguration.TimeoutInMinutes",
    )


@frozen
class ManagedThing:
    """`[managed_things.*]`."""

    role: Literal["CONTROLLER", "DEVICE"] = member(
        "CONTROLLER for a hub, DEVICE for a device that a hub controls.",
        api="CreateManagedThing.Role",
        on_change="replaces",
    )
    authentication_material: Secret | SecretDigest | NotCompared | None = member(
        "The device's setup code. Never shown, never stored.",
        api="CreateManagedThing.AuthenticationMaterial",
        on_change="replaces",
    )
    authentication_material_type: str | NotCompared = member(
        "The type of the setup code.",
        api="CreateManagedThing.AuthenticationMaterialType",
        on_change="replaces",
    )
    thing: Reference | None = member(
        "The thing for the same device; recorded in the meta data.", references="things", default=None
    )
    name: str | None = member(
        "The name in managed integrations; by default the one in this file.",
        api="CreateManagedThing.Name",
        default=None,
    )
    serial_number: str | None = member("Serial number.", api="CreateManagedThing.SerialNumber", default=None)
    brand: str | None = member("Brand.", api="CreateManagedThing.Brand", default=None)
    model: str | None = member("Model.", api="CreateManagedThing.Model", default=None)
    owner: str | None = member("Owner of the device.", api="CreateManagedThing.Owner", default=None)
    classification: str | None = member(
        "The kind of device, such as a light bulb.", api="CreateManagedThing.Classification", default=None
    )
    credential_locker: Reference | None = member(
        "The credential locker that has the device's credentials.",
        api="CreateManagedThing.CredentialLockerId",
        references="credential_lockers",
        default=None,
    )
    capabilities: str | HashedText | None = member(
        "The device's capabilities, as JSON text. Devices change what AWS returns, so the text is compared with the one applied last.",
        api="CreateManagedThing.Capabilities",
        default=None,
    )
    capability_report: Document | HashedText | None = member(
        "The device's capabilities, as a capability report; compared with the one applied last.",
        api="CreateManagedThing.CapabilityReport",
        default=None,
    )
    capability_schemas: tuple[Document, ...] | HashedText = member(
        "Schemas of the device's capabilities; compared with those applied last.",
        api="CreateManagedThing.CapabilitySchemas",
        default=(),
    )
    wi_fi_simple_setup_configuration: WiFiSimpleSetup | None = member(
        "How the device takes part in Wi-Fi simple setup.",
        api="CreateManagedThing.WiFiSimpleSetupConfiguration",
        default=None,
    )
    hub_network_mode: Literal["STANDARD", "NETWORK_WIDE_EXCLUSION"] | None = member(
        "The hub's network mode: which devices it can exclude. Set right after the hub is created.",
        api="UpdateManagedThing.HubNetworkMode",
        default=None,
    )
    meta_data: Mapping[str, str] = member("Meta data.", api="CreateManagedThing.MetaData", factory=dict)
    tags: Mapping[str, str] = member("Tags.", api="CreateManagedThing.Tags", factory=dict)


@frozen
class ManagedThingFacts:
    """Further facts about a live managed thing.

    `candidates` describes all managed things without an owner that match the same resource, if this is one of them; `controls`
    are the IDs of the devices that a hub controls.
    """

    candidates: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


def find_optional_fields(spec: ManagedThing) -> list[str]:
    """Return the names of the optional fields that a spec sets."""
    return [name for name in OPTIONAL_MEMBERS if getattr(spec, name) is not None]
