"""Build the tables of a desired state from another tool's resources."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from attrs import evolve

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.convert.account_settings import (
    LOG_LEVELS,
    TABLES_BY_NOUN,
    build_settings,
    find_log_target,
)
from reconciler.convert.attachments import ATTACHMENT_NOUNS, Attachments, collect_attachments
from reconciler.convert.fields import (
    NAMES_OF_PRIVATE_KEYS,
    ConversionContext,
    FieldConverter,
    References,
    Variables,
)
from reconciler.convert.source import Source, SourceResource, is_empty, is_placeholder
from reconciler.engine.export.tables import Table, WritePem
from reconciler.frozen_classes import field, frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.field_aliases import fold_name
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.shared.package_version_ids import build_version_id
from reconciler.model.address import Address
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from reconciler.model.resource import extract_name_from_arn

_ARN = re.compile(r"arn:[^:]+:iot:([^:]+):(\d{12}):")
_SHORT_ID_LENGTH = 12


@frozen
class Conversion:
    """The result of a conversion.

    - `tables`: ordered by kind, each after those that it refers to;
    - `converted`: the other tool's addresses of everything that is in the tables, attachments included;
    - `left_out`: the address of each resource that is in no table, with the reason;
    - `notes`: what is left out of a table, as sentences;
    - `private_keys`: the addresses of resources with a private key, which is not written;
    - `places`: the Regions and accounts in ARNs: (Region, account).
    """

    tables: tuple[Table, ...]
    converted: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    private_keys: tuple[str, ...]
    variables: Variables
    places: frozenset[tuple[str, str]] = field(default=frozenset())


@frozen
class _Item:
    """A resource that gets a table."""

    source: SourceResource
    kind: Kind
    identity: str


def convert_source(
    source: Source, write_pem: WritePem, *, region: str | None = None, variables: Variables | None = None
) -> Conversion:
    """Return the tables of the resources that have a kind, and what is left out.

    With `region`, resources that are known to be in other Regions are left out. Raises ReconcilerError if there are several Regions
    and none is chosen.
    """
    left_out: dict[str, str] = {}
    if region is None:
        _check_one_place(source.resources)
    resources = [_check_region(resource, region) for resource in source.resources]
    items = list(_find_items(resources, left_out))
    known = frozenset((item.kind.table, item.identity) for item in items)
    attachment_sources = [resource for resource in source.resources if resource.noun in ATTACHMENT_NOUNS]
    attachments = collect_attachments(attachment_sources, known)
    builder = _TableBuilder(items, attachments, write_pem, variables or Variables())
    tables = [table for item in items for table in builder.build(item)]
    builder.variables.drop_unused(repr(tables))
    left_out |= attachments.left_out | builder.left_out
    order = {table: number for number, table in enumerate(all_kinds())}
    left_out |= _find_attachments_of_left_out(attachment_sources, builder.left_out, items, left_out)
    return Conversion(
        tables=tuple(sorted(tables, key=lambda table: (order[table.address.kind], table.address.name))),
        converted=tuple(
            resource.address for resource in source.resources if resource.address not in left_out
        ),
        left_out=left_out,
        notes=tuple(builder.notes),
        private_keys=tuple(resource.address for resource in source.resources if _has_private_key(resource)),
        variables=builder.variables,
        places=frozenset(_find_places(item.source for item in items)),
    )


def _check_one_place(resources: Iterable[SourceResource]) -> None:
    """Raise ReconcilerError if the resources are in several Regions."""
    counts = Counter(region for region, _ in _find_places(resources))
    if len(counts) > 1:
        regions = ", ".join(f"{region} ({count:,})" for region, count in sorted(counts.items()))
        raise ReconcilerError(
            f"the resources are in several Regions: {regions}; a workspace has one, so choose it with --region and convert again for each"
        )


def _check_region(source: SourceResource, region: str | None) -> SourceResource:
    """Return the resource, with an obstacle if it is known to be in another Region than the chosen one."""
    places = [place for place, _ in _find_places([source])]
    if region is None or places in ([], [region]):
        return source
    return evolve(source, obstacle=f"it is in {places[0]}")


def _find_items(resources: Iterable[SourceResource], left_out: dict[str, str]) -> Iterator[_Item]:
    """Yield the resources that get a table; add the others, except attachments, to `left_out`."""
    addresses: dict[tuple[str, str], str] = {}
    for source in resources:
        if source.noun in ATTACHMENT_NOUNS:
            continue
        kind = _find_kind(source)
        if kind is None:
            left_out[source.address] = f"no table declares {source.type}"
            continue
        identity, reason = _find_identity(kind, source)
        reason = source.obstacle or reason
        other = addresses.setdefault((kind.table, identity), source.address)
        if not reason and other != source.address:
            reason = f"{other} declares the same {kind.noun}"
        if reason:
            left_out[source.address] = reason
        else:
            yield _Item(source, kind, identity)


@cache
def _map_nouns() -> Mapping[str, Kind]:
    """Return noun → kind, from the operation that creates a resource: `CreateThingType` makes `thingtype`."""
    kinds: dict[str, Kind] = {}
    for kind in all_kinds().values():
        api = kind.name_api or next(iter(kind.write_operations), None)
        if api and not kind.only_name and kind.service == "iot":
            noun = re.sub("^(Create|Register)", "", api.partition(".")[0])
            kinds.setdefault(fold_name(noun), kind)
    return kinds


def _find_kind(source: SourceResource) -> Kind | None:
    kinds = _map_nouns()
    if source.noun == "thinggroup" and source.find("query_string"):  # CloudFormation has one type for both
        return kinds["dynamicthinggroup"]
    if source.noun in TABLES_BY_NOUN:
        return all_kinds()[TABLES_BY_NOUN[source.noun]]
    return kinds.get(source.noun)


def _find_identity(kind: Kind, source: SourceResource) -> tuple[str, str | None]:
    """Return the resource's ID or name in AWS, and why it cannot be converted, or None."""
    if kind.only_name:
        return kind.only_name, None
    if kind.table == LOG_LEVELS:
        target = find_log_target(source)
        return ":".join(target or ()), None if target else "its target is not one that a log level can have"
    if kind.table == "package_versions":
        package, version_name = source.find_text("package_name"), source.find_text("version_name")
        has_name = bool(package and version_name)
        return build_version_id(package, version_name), None if has_name else _describe_missing_name(source)
    if kind.name_api is None and "pem" not in kind.members:
        return extract_name_from_arn(source.find_text("arn", "id", "name")) or source.address, None
    if kind.name_api is None:
        pem = source.find("certificate_pem", "ca_certificate_pem")
        if pem is None:
            return (
                source.address,
                "its certificate is not there; import it with `reconciler adopt`",
            )
        if is_placeholder(str(pem)):
            return (
                source.address,
                "its certificate is in a parameter without a value; add --parameter NAME=PEM",
            )
        try:
            return Pem.parse(str(pem)).fingerprint, None
        except InvalidValueError as error:
            return source.address, f"its certificate is not valid: {error.problems[0].problem}"
    member = kind.name_api.rpartition(".")[2]
    own_names = [key for key in source.attributes if _is_name_of(key, member, kind)]
    if any(source.is_sensitive((key,)) for key in own_names):
        return source.address, "its name is sensitive, and a file cannot hide a name"
    name = source.find_text(*own_names)
    return name, _find_name_problem(kind, name) if name else _describe_missing_name(source)


def _describe_missing_name(source: SourceResource) -> str:
    is_stack = source.type.startswith("AWS::")
    return "it has no name there" + ("; add --stack-resources" if is_stack else "")


def _find_name_problem(kind: Kind, name: str) -> str | None:
    """Return why AWS does not allow a name, or None; a name with a placeholder is not known yet."""
    assert kind.name_api
    if "{" in name:
        return None
    violations = ServiceModelConstraints().find_violations(kind.service, kind.name_api, name)
    problem = next(iter(violations), None)
    return f"AWS does not allow its name: {problem.problem}; expected {problem.expected}" if problem else None


def _is_name_of(key: str, member: str, kind: Kind) -> bool:
    return fold_name(key) in {"name", fold_name(member), fold_name(f"{kind.noun}name")} or (
        fold_name(key) == "alias" and fold_name(member) == "rolealias"
    )


def _has_private_key(source: SourceResource) -> bool:
    return any(
        fold_name(key) in NAMES_OF_PRIVATE_KEYS and not is_empty(value)
        for key, value in source.attributes.items()
    )


def _find_places(resources: Iterable[SourceResource]) -> Iterator[tuple[str, str]]:
    for source in resources:
        match = _ARN.match(source.find_text("arn"))
        if match:
            yield match[1], match[2]


def _find_attachments_of_left_out(
    sources: Iterable[SourceResource],
    reasons: Mapping[str, str],
    items: Iterable[_Item],
    left_out: Mapping[str, str],
) -> dict[str, str]:
    """Return the attachments whose holder is left out after all, with the reason."""
    known = frozenset(
        (item.kind.table, item.identity) for item in items if item.source.address not in reasons
    )
    remaining = [source for source in sources if source.address not in left_out]
    return collect_attachments(remaining, known).left_out


class _TableBuilder:
    """Builds the table of each resource, and collects what it leaves out."""

    def __init__(
        self, items: list[_Item], attachments: Attachments, write_pem: WritePem, variables: Variables
    ) -> None:
        self._attachments, self.variables = attachments, variables
        self._references = References(_choose_names(items, attachments))
        self._context = ConversionContext(self._references, write_pem, variables)
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []

    def build(self, item: _Item) -> Iterator[Table]:
        """Yield the resource's table, or nothing if a value cannot be converted."""
        address = Address(item.kind.table, self._references.names[item.kind.table, item.identity])
        converter = FieldConverter(item.kind, item.source, address, self._context)
        try:
            overrides = {**self._get_attached(item), **self._get_special_fields(item)}
            fields = converter.convert(overrides)
        except InvalidValueError as error:
            self.left_out[item.source.address] = error.problems[0].problem
            return
        except ValueError as error:
            self.left_out[item.source.address] = str(error)
            return
        self.notes += [f"{item.source.address}: {note}" for note in converter.notes]
        yield Table(address, fields, tuple(converter.comments))

    def _get_attached(self, item: _Item) -> dict[str, Any]:
        """Return the fields that attachments have set."""
        fields: dict[str, Any] = {}
        for name, identities in self._attachments.fields.get((item.kind.table, item.identity), {}).items():
            table = item.kind.members[name].references
            fields[name] = (
                [self._references.refer(table, identity) for identity in identities]
                if table
                else sorted(identities)
            )
        if item.kind.table == "things" and item.identity in self._attachments.exclusive:
            fields["exclusive"] = True
        return fields

    def _get_special_fields(self, item: _Item) -> dict[str, Any]:
        """Return the fields that several attributes determine, or the opposite of one."""
        source = item.source
        if item.kind.only_name:
            return build_settings(item.kind.table, source)
        if item.kind.table == LOG_LEVELS:
            return self._build_log_target(source)
        if item.kind.table == "certificates":
            return {"csr": None, "certificate_signing_request": None, **self._choose_mode(source)}
        if item.kind.table == "ca_certificates":
            return self._build_verification(source)
        if item.kind.table == "security_profiles":
            return self._split_targets(source)
        if (
            "rule_disabled" in item.kind.members and source.find("enabled") is not None
        ):  # Terraform's topic rules
            return {"enabled": None, "rule_disabled": None if source.find("enabled") else True}
        return {}

    def _build_log_target(self, source: SourceResource) -> dict[str, Any]:
        target = find_log_target(source)
        assert target
        field, name = target
        value = self._references.refer("thing_groups", name) if field == "thing_group" else name
        return {"target_type": None, "target_name": None, "target_id": None, field: value}

    def _split_targets(self, source: SourceResource) -> dict[str, Any]:
        """Return the targets of a security profile by their type, which the template does not always show."""
        fields: dict[str, Any] = {"target_arns": None}
        for arn in source.find("target_arns") or ():
            resource = str(arn).rpartition(":")[2]
            resource_type, _, name = resource.partition("/")
            if resource_type == "all":
                fields.setdefault("account_targets", []).append(name)
                continue
            is_dynamic = ("dynamic_thing_groups", name) in self._references.names
            table = "dynamic_thing_groups" if is_dynamic else "thing_groups"
            fields.setdefault(table, []).append(self._references.refer(table, str(arn)))
        return fields

    def _choose_mode(self, source: SourceResource) -> dict[str, Any]:
        """Return the certificate's CA, or its mode.

        AWS issues certificates in mode DEFAULT, and registers those without a CA in mode SNI_ONLY.
        """
        names = ("ca_certificate_id", "ca_pem", "ca_certificate_pem")
        ca_id = source.find_text("ca_certificate_id")
        if not ca_id and source.find("ca_pem", "ca_certificate_pem"):
            ca_id = Pem.parse(source.find_text("ca_pem", "ca_certificate_pem")).fingerprint
        skipped = dict.fromkeys(names)
        if ca_id:
            return {
                **skipped,
                "certificate_mode": None,
                "ca": self._references.refer("ca_certificates", ca_id),
            }
        is_issued = _has_private_key(source) or source.find("csr", "certificate_signing_request")
        return {**skipped, "certificate_mode": "DEFAULT" if is_issued else "SNI_ONLY"}

    def _build_verification(self, source: SourceResource) -> dict[str, Any]:
        """Return the proof that a registration in mode DEFAULT needs."""
        certificate = source.find_text("verification_certificate_pem")
        skipped = {"verification_certificate_pem": None}
        if certificate:
            return {**skipped, "verification": {"certificate": Pem.parse(certificate).text}}
        if source.find_text("certificate_mode") == "SNI_ONLY":
            return skipped
        key = self.variables.add_secret(f"{source.label}_ca_key", f"the private key of {source.address}")
        return {**skipped, "verification": {"key": key}}


def _choose_names(items: Iterable[_Item], attachments: Attachments) -> dict[tuple[str, str], str]:
    """Return a unique name for each resource; a certificate gets that of its only thing."""
    holders = attachments.find_only_holders()
    names: dict[tuple[str, str], str] = {}
    used: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        table, identity = item.kind.table, item.identity
        candidates = [identity]
        if item.kind.name_api is None and not item.kind.only_name:
            holder = holders.get(identity) if table == "certificates" else None
            candidates = [
                holder or item.source.label,
                item.source.label,
                identity[:_SHORT_ID_LENGTH],
                identity,
            ]
        name = next(candidate for candidate in candidates if candidate not in used[table])
        used[table].add(name)
        names[table, identity] = name
    return names
