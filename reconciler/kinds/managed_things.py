"""Managed things: devices as AWS IoT managed integrations knows them.

Source: managed integrations API reference, CreateManagedThing and its neighbours. AWS assigns the id and never gives the
authentication material back; what we remember of it is a salted hash in a tag.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
from attrs import field, frozen

from reconciler.kinds.fields import member
from reconciler.kinds.kind import NAME_TAG, OWNER_TAG, Complaint, Kind, Reading, Scope, World
from reconciler.kinds.reading import MISSING
from reconciler.kinds.tags import OURS, PREFIX, crowded, marked, retag, users
from reconciler.model.call import Answers, ApiCall, Deferred
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.resource import Desired, External, Live, Reference, Resource
from reconciler.model.secret import Secret, SecretDigest

SERVICE = "iot-managed-integrations"

_OPTIONAL = {
    "owner": "Owner",
    "credential_locker": "CredentialLockerId",
    "serial_number": "SerialNumber",
    "brand": "Brand",
    "model": "Model",
    "classification": "Classification",
}
"""Fields that the file may leave out. What it never said is AWS's to fill in and is not compared; a tag remembers what
it has said, because AWS has no way to clear one: it takes a replacement."""

_LOCKER = "credential_locker"

_GONE = frozenset({"DELETED", "DELETE_IN_PROGRESS"})


@frozen
class Remembered:
    """A text that the registry remembers by its SHA-256 alone; `text` is None for what is read from there."""

    digest: str
    text: str | None = field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, text: str) -> Remembered:
        """The text and its digest."""
        return cls(_hash(text), text)

    def __str__(self) -> str:
        return f"sha256:{self.digest[:12]}…"


@frozen
class ManagedThing:
    """`[managed_things.*]`."""

    role: Literal["CONTROLLER", "DEVICE"] = member(
        "A hub is a CONTROLLER, what it speaks to a DEVICE.",
        api="CreateManagedThing.Role",
        changing="replaces",
    )
    authentication_material: Secret | SecretDigest | None = member(
        "The device's setup code. Never shown, never stored.",
        api="CreateManagedThing.AuthenticationMaterial",
        changing="replaces",
    )
    authentication_material_type: str = member(
        "What kind of code it is.", api="CreateManagedThing.AuthenticationMaterialType", changing="replaces"
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
    capabilities: str | Remembered | None = member(
        "What the device can do, as JSON text. AWS gives it back as the device changed it, so the file's own is compared.",
        api="CreateManagedThing.Capabilities",
        default=None,
    )
    meta_data: Mapping[str, str] = member("Meta data.", api="CreateManagedThing.MetaData", factory=dict)
    tags: Mapping[str, str] = member("Tags.", api="CreateManagedThing.Tags", factory=dict)


class ManagedThings(Kind):
    """Managed things: found by the tag that names them, owned by tag."""

    table = "managed_things"
    noun = "managed thing"
    service = SERVICE
    spec = ManagedThing
    creates_after_deletes = True

    def check(self, resource: Resource, desired: Desired) -> Iterable[Complaint]:  # noqa: ARG002 (no neighbour counts)
        """There is room for the marks."""
        yield from crowded("tags", resource.spec.tags, OURS + 4)
        yield from crowded("meta_data", resource.spec.meta_data, 2)

    def effective(self, resource: Resource, scope: Scope) -> ManagedThing:  # noqa: ARG002 (all is in the resource)
        """Name filled in; the capabilities are compared by their hash."""
        spec: ManagedThing = resource.spec
        return attrs.evolve(
            spec,
            name=spec.name or resource.address.name,
            capabilities=Remembered.of(spec.capabilities)
            if isinstance(spec.capabilities, str)
            else spec.capabilities,
        )

    def identity(self, resource: Resource) -> str | None:  # noqa: ARG002 (AWS assigns it)
        """Only AWS can assign it."""
        return None

    def forces_replacement(self, name: str, after: Any) -> bool:
        """AWS cannot clear an optional field once it is set."""
        return super().forces_replacement(name, after) or (
            after is None and name in {*_OPTIONAL, "capabilities"}
        )

    def objections(self, change: Change, world: World) -> Iterable[str]:  # noqa: ARG002 (all is in the change)
        """Without the setup code nothing can be registered; what is there already can be left as it is."""
        if isinstance(change, Create | Replace):
            material = change.resource.spec.authentication_material
            if material.value is None:
                yield f"its authentication_material from {material.reference} is not set"

    def read(self, scope: Scope) -> Reading:
        """All of the account in pages, and one question for each: no list tells tags or meta data."""
        (listed,) = yield [ApiCall(SERVICE, "ListManagedThings")]
        ids = [item["Id"] for item in listed["Items"] if item.get("ProvisioningStatus") not in _GONE]
        answers = yield [
            ApiCall(SERVICE, "GetManagedThing", {"Identifier": name}, tolerates=MISSING) for name in ids
        ]
        wanted = {resource.address.name: resource for resource in scope.of(self.table)}
        found = []
        for answer in answers:
            tags = answer.get("Tags", {})
            if tags.get(OWNER_TAG) == scope.workspace and answer.get("ProvisioningStatus") not in _GONE:
                found.append(_live(answer, wanted.get(tags.get(NAME_TAG, ""))))
        return found

    def create(self, change: Create, world: World) -> Sequence[ApiCall]:
        """One call, with a token that makes the same request the same managed thing."""
        return [_create(change.resource, world)]

    def update(self, change: Update, world: World) -> Sequence[ApiCall]:
        """Everything that the file says in one call: whether AWS keeps or clears what is left out does not matter then."""
        spec: ManagedThing = change.resource.spec
        calls = []
        if any(not (field.path == "workspace" or field.path.startswith("tags.")) for field in change.fields):
            params = {"Identifier": change.live.identity, **_attributes(change.resource, world)}
            if not change.changes("capabilities"):
                params.pop("Capabilities", None)  # the device may have refined them since
            calls.append(ApiCall(SERVICE, "UpdateManagedThing", params))
        after = _tags(spec, change.resource, world, change.live.facts["tags"].get(f"{PREFIX}material", ""))
        return [*calls, *retag(SERVICE, change.live.facts["arn"], change.live.facts["tags"], after)]

    def replace(self, change: Replace, world: World) -> Sequence[ApiCall]:
        """The old one goes first: two managed things cannot have the same setup code."""
        return [*_delete(change.live), _create(change.resource, world, replaces=change.live.identity)]

    def delete(self, change: Delete, world: World) -> Sequence[ApiCall]:  # noqa: ARG002 (its id is all it takes)
        """AWS deletes asynchronously; done is when it is gone."""
        return [*_delete(change.live)]


@frozen
class RememberedMaterial(Deferred):
    """The salted hash that the tag keeps of the setup code. It costs some milliseconds, so it is made when it is sent."""

    material: Secret
    salt: str

    def resolve(self, answers: Answers) -> str:  # noqa: ARG002 (nothing that AWS answers goes into it)
        """The stored form of the hash."""
        return str(self.material.digest(self.salt))

    def __str__(self) -> str:
        return "(salted hash of the authentication material)"


@frozen
class ClientToken(Deferred):
    """The same request has the same token, so sending it twice makes one managed thing.

    Source: CreateManagedThing, `ClientToken`. It is made of the salted hash, never of the setup code itself: tokens are
    written to logs.
    """

    request: str
    material: RememberedMaterial

    def resolve(self, answers: Answers) -> str:
        """64 hexadecimal digits."""
        return _hash(self.request + self.material.resolve(answers))

    def __str__(self) -> str:
        return "(made of this request)"


def _create(resource: Resource, world: World, *, replaces: str = "") -> ApiCall:
    spec: ManagedThing = resource.spec
    material = spec.authentication_material
    assert isinstance(material, Secret)
    remembered = RememberedMaterial(material, f"{world.workspace}/{resource.address}")
    params = {
        "Role": spec.role,
        "AuthenticationMaterial": material,
        "AuthenticationMaterialType": spec.authentication_material_type,
        **_attributes(resource, world),
        "Tags": _tags(spec, resource, world, remembered),
    }
    request = json.dumps([world.workspace, replaces, params], sort_keys=True, default=str)
    params["ClientToken"] = ClientToken(request, remembered)
    # When devices swap their codes, the other one may still have this one's for a moment.
    again = {"ConflictException"} if ManagedThings.table in world.replacing else frozenset[str]()
    return ApiCall(SERVICE, "CreateManagedThing", params, retries=again)


def _delete(live: Live) -> Iterator[ApiCall]:
    params = {"Identifier": live.identity}
    yield ApiCall(SERVICE, "DeleteManagedThing", params, tolerates=MISSING)
    yield ApiCall(SERVICE, "GetManagedThing", params, until=MISSING)


def _attributes(resource: Resource, world: World) -> dict[str, Any]:
    """The members that create and update share."""
    spec: ManagedThing = resource.spec
    params: dict[str, Any] = {"Name": spec.name or resource.address.name}
    for name in _said(spec):
        value = getattr(spec, name)
        params[_OPTIONAL[name]] = world.identity("credential_lockers", value) if name == _LOCKER else value
    if isinstance(spec.capabilities, Remembered):
        params["Capabilities"] = spec.capabilities.text
    # Never empty, which AWS would refuse, and which no update could tell from "leave it".
    params["MetaData"] = {**spec.meta_data, **_thing(spec, world), f"{PREFIX}address": str(resource.address)}
    return params


def _thing(spec: ManagedThing, world: World) -> dict[str, Any]:
    return {f"{PREFIX}thing": world.identity("things", spec.thing)} if spec.thing else {}


def _said(spec: ManagedThing) -> list[str]:
    return [name for name in _OPTIONAL if getattr(spec, name) is not None]


def _tags(
    spec: ManagedThing, resource: Resource, world: World, material: str | RememberedMaterial
) -> dict[str, Any]:
    more: dict[str, Any] = {
        "material": material or "",
        "type": spec.authentication_material_type,
        "fields": " ".join(_said(spec)),
    }
    if isinstance(spec.capabilities, Remembered):
        more["capabilities"] = spec.capabilities.digest
    return marked(spec.tags, world.workspace, resource.address.name, **more)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _live(answer: Mapping[str, Any], wanted: Resource | None) -> Live:
    tags, meta = answer.get("Tags", {}), answer.get("MetaData", {})
    says = set(_said(wanted.spec)) if wanted else set()
    compared = says | set(tags.get(f"{PREFIX}fields", "").split())
    spec = ManagedThing(
        role=answer["Role"],
        authentication_material=SecretDigest.parse(tags.get(f"{PREFIX}material", "")),
        authentication_material_type=tags.get(f"{PREFIX}type", ""),
        thing=External(meta[f"{PREFIX}thing"]) if f"{PREFIX}thing" in meta else None,
        name=answer.get("Name"),
        **{name: answer.get(_OPTIONAL[name]) for name in compared & _OPTIONAL.keys() if name != _LOCKER},
        credential_locker=_external(answer.get("CredentialLockerId")) if _LOCKER in compared else None,
        capabilities=Remembered(tags[f"{PREFIX}capabilities"]) if f"{PREFIX}capabilities" in tags else None,
        meta_data=users(meta),
        tags=users(tags),
    )
    facts = {"tags": tags, "arn": answer["Arn"], "name": tags.get(NAME_TAG)}
    return Live(answer["Id"], spec, owner=tags.get(OWNER_TAG), facts=facts)


def _external(reference: str | None) -> External | None:
    return External(reference) if reference else None


KIND = ManagedThings()
