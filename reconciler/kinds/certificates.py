"""Device certificates: what a thing shows when it connects.

Source: AWS IoT API reference, RegisterCertificate and its neighbours. Device certificates carry no tags; they are owned
through the owned things that they are attached to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
from attrs import frozen

from reconciler.kinds import x509
from reconciler.kinds.fields import member
from reconciler.kinds.kind import Complaint, Kind, Reading, Scope, World
from reconciler.kinds.reading import MISSING, find
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Replace, Update
from reconciler.model.pem import Pem
from reconciler.model.resource import WHATEVER, Desired, Live, Reference, Resource, Whatever


@frozen
class Certificate:
    """`[certificates.*]`."""

    pem: Pem = member(
        "The device's certificate.", api="RegisterCertificate.certificatePem", changing="replaces"
    )
    ca: Reference | None = member(
        "The CA that signed it.", references="ca_certificates", changing="create_only", default=None
    )
    certificate_mode: Literal["DEFAULT", "SNI_ONLY"] | Whatever | None = member(
        "SNI_ONLY registers it without a CA; with a CA, the CA's mode holds.",
        changing="replaces",
        default=None,
    )
    status: Literal["ACTIVE", "INACTIVE", "REVOKED"] = member(
        "REVOKED is final.", api="UpdateCertificate.newStatus", default="ACTIVE"
    )


class Certificates(Kind):
    """Device certificates: found by the SHA-256 of their DER."""

    table = "certificates"
    noun = "device certificate"
    spec = Certificate
    reads_after = frozenset({"things"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[Complaint]:
        """Is it in date, and did the CA it names sign it?"""
        spec: Certificate = resource.spec
        yield from x509.complaints(spec.pem, "pem", ca=False)
        ca = desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
        if ca and not x509.signed_by(spec.pem, ca.spec.pem):
            yield Complaint(
                "pem", f"{ca.address} did not sign this certificate", f"a certificate signed by {spec.ca!r}"
            )
        if spec.ca and spec.certificate_mode:
            yield Complaint(
                "certificate_mode", "with a CA, the CA's mode holds", "either ca or certificate_mode"
            )

    def effective(self, resource: Resource, scope: Scope) -> Certificate:
        """The mode follows from the CA."""
        spec: Certificate = resource.spec
        ca = scope.desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
        mode = ca.spec.certificate_mode if ca else spec.certificate_mode
        return attrs.evolve(spec, certificate_mode=mode or (WHATEVER if spec.ca else "DEFAULT"))

    def identity(self, resource: Resource) -> str:
        """The SHA-256 of the DER."""
        return str(resource.spec.pem.fingerprint)

    def read(self, scope: Scope) -> Reading:
        """Those the file wants and those attached to the workspace's things; pages first, single questions for the rest."""
        wanted = {self.identity(resource): resource for resource in scope.of(self.table)}
        ours = {
            reference.id
            for thing in scope.read.get("things", ())
            if thing.owner == scope.workspace
            for reference in thing.spec.certificates
        }
        found = yield from find(
            sorted(wanted.keys() | ours),
            listing=ApiCall("iot", "ListCertificates"),
            items="certificates",
            key="certificateId",
            pages=len(wanted.keys() | ours),  # a page and a question cost the same: 10 a second each
            describe=lambda name: ApiCall(
                "iot", "DescribeCertificate", {"certificateId": name}, tolerates=MISSING
            ),
        )
        leaving = [name for name in found if name not in wanted]
        foreign = yield from _used_elsewhere(leaving, found, scope)
        return [
            _live(
                name,
                item,
                wanted.get(name),
                None if name in foreign else scope.workspace,
                foreign.get(name, ()),
            )
            for name, item in found.items()
        ]

    def pair(self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope) -> Mapping[str, str]:
        """A new PEM for a device is a rotation: the old one is what its thing still has, when there is no doubt which."""
        attached: defaultdict[str, list[str]] = defaultdict(list)
        going = {live.identity for live in spare if live.owner == scope.workspace}
        for thing in scope.read.get("things", ()):
            attached[thing.identity] += [ref.id for ref in thing.spec.certificates if ref.id in going]
        new = {resource.address.name for resource in missing}
        pairs: dict[str, str] = {}
        for user in sorted(scope.of("things"), key=lambda thing: thing.address):
            olds = [old for old in attached[user.address.name] if old not in pairs]
            names = [name for name in user.spec.certificates if name in new and name not in pairs.values()]
            if len(olds) == len(names) == 1:
                pairs[olds[0]] = names[0]
        return pairs

    def create(self, change: Create, world: World) -> Sequence[ApiCall]:
        """Registered with its status in one call."""
        return [_register(change.resource, world)]

    def update(self, change: Update, world: World) -> Sequence[ApiCall]:  # noqa: ARG002 (its id is all it takes)
        """Only the status can change."""
        params = {"certificateId": change.live.identity, "newStatus": change.resource.spec.status}
        return [ApiCall("iot", "UpdateCertificate", params)]

    def objections(self, change: Change, world: World) -> Iterable[str]:  # noqa: ARG002
        """Revocation is final (developer guide, "Revoke a CA or client certificate")."""
        if isinstance(change, Update) and change.live.spec.status == "REVOKED" and change.changes("status"):
            yield "it is REVOKED, and no certificate ever leaves that state; give the device a new certificate"

    def replace(self, change: Replace, world: World) -> Sequence[ApiCall]:
        """A rotation: register and attach the new one, then detach, deactivate and delete the old one.

        So the device is never without a certificate. Where only the mode changes the id stays the same, and the old
        registration has to go first.
        """
        gone = {
            address for address in world.live_users.get(change.address, ()) if address not in world.desired
        }
        had = [address for address in world.live_users.get(change.address, ()) if address not in gone]
        keep = [address for address in had if address in world.desired_users.get(change.address, ())]
        new_arn = world.arn(f"cert/{self.identity(change.resource)}")
        new = [_register(change.resource, world), *(_attach(world, thing, new_arn) for thing in keep)]
        old = [*(_detach(world, thing, change.live) for thing in had), *_retire(change.live)]
        return [*old, *new] if self.identity(change.resource) == change.live.identity else [*new, *old]

    def delete(self, change: Delete, world: World) -> Sequence[ApiCall]:  # noqa: ARG002 (its things let go of it first)
        """Deactivated first: AWS refuses to delete an active certificate."""
        return [*_retire(change.live)]


def _used_elsewhere(leaving: Sequence[str], found: Mapping[str, Mapping[str, Any]], scope: Scope) -> Any:
    """Of the certificates about to go: the things outside the workspace that have them too, by certificate."""
    ours = {thing.identity for thing in scope.read.get("things", ()) if thing.owner == scope.workspace}
    answers = yield [
        ApiCall(
            "iot",
            "ListPrincipalThings",
            {"principal": _described(found[name])["certificateArn"]},
            tolerates=MISSING,
        )
        for name in leaving
    ]
    users = {
        name: sorted(set(answer.get("things", ())) - ours)
        for name, answer in zip(leaving, answers, strict=True)
    }
    return {name: things for name, things in users.items() if things}


def _live(
    name: str, item: Mapping[str, Any], wanted: Resource | None, owner: str | None, users: Sequence[str]
) -> Live:
    item = _described(item)
    spec = Certificate(
        pem=Pem(name),
        ca=wanted.spec.ca if wanted else None,
        certificate_mode=item.get("certificateMode", "DEFAULT"),
        status=item["status"],
    )
    return Live(name, spec, owner=owner, facts={"foreign_users": tuple(users)})


def _described(item: Mapping[str, Any]) -> Mapping[str, Any]:
    described: Mapping[str, Any] = item.get("certificateDescription", item)
    return described


def _register(resource: Resource, world: World) -> ApiCall:
    spec: Certificate = resource.spec
    params = {"certificatePem": spec.pem.text, "status": spec.status}
    operation = "RegisterCertificate"
    ca = world.desired.get(Address("ca_certificates", spec.ca)) if isinstance(spec.ca, str) else None
    if ca:
        params["caCertificatePem"] = ca.spec.pem.text
    elif not spec.ca and spec.certificate_mode == "SNI_ONLY":
        operation = "RegisterCertificateWithoutCA"
    # Registering the same certificate again is the same certificate: an answer that was lost is no failure.
    return ApiCall("iot", operation, params, tolerates={"ResourceAlreadyExistsException"})


def _attach(world: World, thing: Address, arn: str) -> ApiCall:
    return ApiCall("iot", "AttachThingPrincipal", {"thingName": world.identities[thing], "principal": arn})


def _detach(world: World, thing: Address, live: Live) -> ApiCall:
    params = {"thingName": world.identities[thing], "principal": world.arn(f"cert/{live.identity}")}
    return ApiCall("iot", "DetachThingPrincipal", params, tolerates=MISSING)


def _retire(live: Live) -> Iterator[ApiCall]:
    params = {"certificateId": live.identity}
    if live.spec.status == "ACTIVE":
        yield ApiCall("iot", "UpdateCertificate", {**params, "newStatus": "INACTIVE"})
    # AWS detaches asynchronously, so for some seconds it may still see the thing that let go.
    yield ApiCall("iot", "DeleteCertificate", params, tolerates=MISSING, retries={"DeleteConflictException"})


KIND = Certificates()
