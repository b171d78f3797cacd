"""Convert attachments, which other tools declare as resources, to fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import define, field

from reconciler.convert.source import SourceResource, is_placeholder
from reconciler.model.resource import extract_name_from_arn

ATTACHMENT_NOUNS = frozenset(
    {
        "policyattachment",
        "policyprincipalattachment",
        "thingprincipalattachment",
        "thinggroupmembership",
    }
)
"""The folded names of types that connect two resources."""

_EXCLUSIVE = "EXCLUSIVE_THING"
_UNKNOWN_CERTIFICATE = "its certificate is not known there; import the certificate with `reconciler adopt certificates.ID`, which finds its policies"


@define
class Attachments:
    """The attached items of each resource: (table, AWS's ID) → field → AWS's IDs.

    - `exclusive`: the things that have their certificates exclusively;
    - `left_out`: the attachments that no field has, with reasons.
    """

    fields: dict[tuple[str, str], dict[str, list[str]]] = field(factory=lambda: defaultdict(dict))
    exclusive: set[str] = field(factory=set)
    left_out: dict[str, str] = field(factory=dict)

    def add(self, holder: tuple[str, str], name: str, identity: str) -> None:
        """Add an item to a field of a resource, unless it has the item already."""
        items = self.fields[holder].setdefault(name, [])
        if identity not in items:
            items.append(identity)

    def find_only_holders(self) -> Mapping[str, str]:
        """Return certificate → thing, for those of which each has only the other."""
        holders: defaultdict[str, list[str]] = defaultdict(list)
        for (table, thing), fields in self.fields.items():
            for certificate in fields.get("certificates", ()) if table == "things" else ():
                holders[extract_name_from_arn(certificate)].append(thing)
        return {
            certificate: things[0]
            for certificate, things in holders.items()
            if len(things) == 1 and len(self.fields["things", things[0]]["certificates"]) == 1
        }


def collect_attachments(
    attachments: Iterable[SourceResource], known: frozenset[tuple[str, str]]
) -> Attachments:
    """Return the attachments as fields of the resources in `known`: (table, AWS's ID)."""
    collected = Attachments()
    for source in attachments:
        reason = source.obstacle or _collect(source, collected, known)
        if reason:
            collected.left_out[source.address] = reason
    return collected


def _collect(source: SourceResource, collected: Attachments, known: frozenset[tuple[str, str]]) -> str | None:
    """Collect one attachment, or return the reason why it becomes no field."""
    thing = source.find_text("thing", "thing_name")
    principal = source.find_text("target", "principal")
    if source.noun == "thinggroupmembership":
        holder, name, identity = ("things", thing), "thing_groups", source.find_text("thing_group_name")
    elif source.noun == "thingprincipalattachment":
        holder, name, identity = ("things", thing), _choose_principal_field(principal), principal
        if source.find("thing_principal_type") == _EXCLUSIVE:
            collected.exclusive.add(thing)
    else:
        if is_placeholder(principal):
            return _UNKNOWN_CERTIFICATE
        policy = source.find_text("policy", "policy_name")
        holder, name, identity = _find_policy_holder(policy, principal)
    if holder not in known:
        return f"{holder[0]}.{holder[1] or '(unknown)'} is not among the converted resources"
    if not identity:
        return "what it attaches is not known"
    collected.add(holder, name, identity)
    return None


def _choose_principal_field(principal: str) -> str:
    """Return the field for a principal: a certificate's ARN, or the ID of a Cognito identity.

    An unknown principal is taken as a certificate, because few things have a Cognito identity.
    """
    is_certificate = "/" in principal or is_placeholder(principal)
    return "certificates" if is_certificate else "cognito_identities"


def _find_policy_holder(policy: str, target: str) -> tuple[tuple[str, str], str, str]:
    """Return the resource that has a policy in one of its fields, the field, and the item."""
    name = extract_name_from_arn(target)
    if ":thinggroup/" in target:
        return ("thing_groups", name), "policies", policy
    if ":cert/" in target:
        return ("certificates", name), "policies", policy
    return ("policies", policy), "cognito_identities", target
