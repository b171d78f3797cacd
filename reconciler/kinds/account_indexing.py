"""Fleet indexing of the account.

Source: AWS IoT API reference, UpdateIndexingConfiguration; developer guide, "Managing thing indexing" and "Managing thing group
indexing".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.members import to_members
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.fleet_indexing import TABLE
from reconciler.model.resource import NOT_COMPARED, NotCompared

_THINGS = "UpdateIndexingConfiguration.thingIndexingConfiguration"
_GROUPS = "UpdateIndexingConfiguration.thingGroupIndexingConfiguration"
_FILTER = f"{_THINGS}.filter"


@frozen(order=True)
class CustomField:
    """A further field that AWS indexes."""

    name: str = member("The field, such as `attributes.version`.", api=f"{_THINGS}.customFields.name")
    type: Literal["Number", "String", "Boolean"] = member(
        "The type of its values.", api=f"{_THINGS}.customFields.type"
    )


@frozen(order=True)
class GeoLocation:
    """A field with a location."""

    name: str = member("The field, such as `shadow.reported.location`.", api=f"{_FILTER}.geoLocations.name")
    order: Literal["LatLon", "LonLat"] = member(
        "The order of latitude and longitude.", api=f"{_FILTER}.geoLocations.order", default="LatLon"
    )


@frozen
class Indexing:
    """`[account.indexing]`."""

    thing_indexing_mode: Literal["OFF", "REGISTRY", "REGISTRY_AND_SHADOW"] | NotCompared = member(
        "Whether things are indexed, and with which data.",
        api=f"{_THINGS}.thingIndexingMode",
        default=NOT_COMPARED,
    )
    thing_connectivity_indexing_mode: Literal["OFF", "STATUS"] | NotCompared = member(
        "Whether the connectivity of things is indexed.",
        api=f"{_THINGS}.thingConnectivityIndexingMode",
        default=NOT_COMPARED,
    )
    device_defender_indexing_mode: Literal["OFF", "VIOLATIONS"] | NotCompared = member(
        "Whether the violations that Device Defender finds are indexed.",
        api=f"{_THINGS}.deviceDefenderIndexingMode",
        default=NOT_COMPARED,
    )
    named_shadow_indexing_mode: Literal["OFF", "ON"] | NotCompared = member(
        "Whether the named shadows in `named_shadow_names` are indexed.",
        api=f"{_THINGS}.namedShadowIndexingMode",
        default=NOT_COMPARED,
    )
    named_shadow_names: tuple[str, ...] | NotCompared = member(
        "The names of the indexed shadows.", api=f"{_FILTER}.namedShadowNames", default=NOT_COMPARED
    )
    geo_locations: tuple[GeoLocation, ...] | NotCompared = member(
        "The fields with locations, for queries by distance.",
        api=f"{_FILTER}.geoLocations",
        default=NOT_COMPARED,
    )
    include_socket_information: tuple[str, ...] | NotCompared = member(
        "The operations whose responses have IP addresses and ports of connections.",
        api=f"{_FILTER}.connectivity.includeSocketInformation",
        default=NOT_COMPARED,
    )
    thing_custom_fields: tuple[CustomField, ...] | NotCompared = member(
        "Further indexed fields of things.", api=f"{_THINGS}.customFields", default=NOT_COMPARED
    )
    thing_group_indexing_mode: Literal["OFF", "ON"] | NotCompared = member(
        "Whether thing groups are indexed.", api=f"{_GROUPS}.thingGroupIndexingMode", default=NOT_COMPARED
    )
    thing_group_custom_fields: tuple[CustomField, ...] | NotCompared = member(
        "Further indexed fields of thing groups.", api=f"{_GROUPS}.customFields", default=NOT_COMPARED
    )


_MODES = ("thing_connectivity_indexing_mode", "device_defender_indexing_mode", "named_shadow_indexing_mode")
_LISTS = ("named_shadow_names", "geo_locations", "include_socket_information", "thing_custom_fields")
_GROUP_FIELDS = frozenset({"thing_group_indexing_mode", "thing_group_custom_fields"})


class AccountIndexing(AccountSettings):
    """Fleet indexing: found by account and Region, owned by the thing group `reconciler:account-indexing`."""

    table = TABLE
    noun = "indexing configuration"
    spec_class = Indexing
    api = SettingsApi("GetIndexingConfiguration", "UpdateIndexingConfiguration")
    defaults = Indexing("OFF", "OFF", "OFF", "OFF", (), (), (), (), "OFF", ())
    unsupported_members = dict.fromkeys(
        (f"{_THINGS}.managedFields", f"{_GROUPS}.managedFields"),
        "AWS manages these fields; they follow from the modes",
    )

    def to_params(self, spec: Indexing, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return the parts of the configuration that change, each as a whole, because AWS replaces it."""
        parts = (self.members.keys() - _GROUP_FIELDS, _GROUP_FIELDS)
        params: dict[str, Any] = {}
        for fields in parts:
            if changed_fields & fields:
                params |= to_members(spec, fields)
        return params

    def find_problems(self, spec: Indexing, declared: Indexing) -> Iterable[str]:
        """Return what AWS rejects, or does not store while things are not indexed."""
        if spec.thing_indexing_mode == "OFF":
            needing = [name for name in _MODES if getattr(spec, name) != "OFF"]
            needing += [name for name in _LISTS if getattr(declared, name) not in {(), NOT_COMPARED}]
            for name in needing:
                yield f"{name} needs indexed things, but thing_indexing_mode is OFF; change one of them"
        if spec.named_shadow_indexing_mode == "ON" and not spec.named_shadow_names:
            yield "named_shadow_indexing_mode is ON without named_shadow_names; set these too"


KIND = AccountIndexing()
