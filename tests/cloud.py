"""An embedded registry seen through plain boto3 clients: what AWS would report, ids and times aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore.session import Session

from reconciler.aws.calls import Caller
from reconciler.aws.embedded import bind
from reconciler.model.plan import Target
from reconciler.registry import Registry, Request, Response
from reconciler.registry import Settings as RegistrySettings

REGION, ACCOUNT = "eu-west-1", "123456789012"
TARGET = Target("embedded", REGION, ACCOUNT)


class Cloud:
    """Clients are slow to make and registries quick: the clients stay, `empty()` puts a new registry behind them."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        core = Session()
        bind(core, self)
        session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core)
        self.iot: Any = session.client("iot")
        self.managed: Any = session.client("iot-managed-integrations")
        self.call = Caller({"iot": self.iot, "iot-managed-integrations": self.managed})
        self.requests = 0
        self.registry = Registry(path, RegistrySettings(ACCOUNT, REGION))

    def handle(self, request: Request) -> Response:
        self.requests += 1
        return self.registry.handle(request)

    def empty(self) -> Cloud:
        self.registry.close()
        self.registry = Registry(":memory:", RegistrySettings(ACCOUNT, REGION))
        return self

    def content(self) -> dict[str, Any]:
        """Everything that is registered, by what identifies it to people."""
        return {
            "ca_certificates": self._cas(),
            "certificates": self._certificates(),
            "things": self._things(),
            "thing_groups": self._groups(),
            "managed_things": self._managed(),
        }

    def _pages(self, client: Any, operation: str, items: str, **params: Any) -> list[Any]:
        return client.get_paginator(operation).paginate(**params).build_full_result().get(items, [])

    def _iot_tags(self, arn: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._pages(self.iot, "list_tags_for_resource", "tags", resourceArn=arn)}

    def _cas(self) -> dict[str, Any]:
        found = {}
        for listed in self._pages(self.iot, "list_ca_certificates", "certificates"):
            detail = self.iot.describe_ca_certificate(certificateId=listed["certificateId"])["certificateDescription"]
            kept = {key: detail.get(key) for key in ("status", "certificateMode", "autoRegistrationStatus")}
            found[listed["certificateId"]] = {**kept, "tags": self._iot_tags(listed["certificateArn"])}
        return found

    def _certificates(self) -> dict[str, Any]:
        listed = self._pages(self.iot, "list_certificates", "certificates")
        return {item["certificateId"]: (item["status"], item["certificateMode"]) for item in listed}

    def _things(self) -> dict[str, Any]:
        return {
            item["thingName"]: {
                "attributes": item["attributes"],
                "type": item.get("thingTypeName"),
                "principals": sorted(
                    arn.rpartition("/")[2]
                    for arn in self._pages(
                        self.iot, "list_thing_principals", "principals", thingName=item["thingName"]
                    )
                ),
                "groups": sorted(
                    group["groupName"]
                    for group in self._pages(
                        self.iot, "list_thing_groups_for_thing", "thingGroups", thingName=item["thingName"]
                    )
                ),
            }
            for item in self._pages(self.iot, "list_things", "things")
        }

    def _groups(self) -> dict[str, Any]:
        found = {}
        for item in self._pages(self.iot, "list_thing_groups", "thingGroups"):
            properties = self.iot.describe_thing_group(thingGroupName=item["groupName"])["thingGroupProperties"]
            found[item["groupName"]] = {
                "description": properties.get("thingGroupDescription") or None,
                "attributes": properties.get("attributePayload", {}).get("attributes", {}),
                "tags": self._iot_tags(item["groupArn"]),
            }
        return found

    def _managed(self) -> list[Any]:
        dropped = ("Id", "Arn", "CreatedAt", "UpdatedAt", "ActivatedAt", "ResponseMetadata")
        found = []
        for item in self._pages(self.managed, "list_managed_things", "Items"):
            detail = self.managed.get_managed_thing(Identifier=item["Id"])
            found.append({key: value for key, value in detail.items() if key not in dropped})
        return sorted(found, key=lambda item: item["Tags"].get("reconciler:name", ""))
