"""An embedded registry with boto3 clients, whose content can be read without random IDs and times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name

from reconciler.aws.caller import Caller
from reconciler.aws.clients import Clients
from reconciler.aws.embedded import bind
from reconciler.aws.response_parsers import ResponseParsers
from reconciler.engine.calls.send import send
from reconciler.engine.permissions.operations import TRAIL_OPERATIONS
from reconciler.kinds import all_kinds
from reconciler.kinds.base.account_settings import AccountSettings
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.marker_groups import MARKER_PREFIX
from reconciler.kinds.base.plain_kind import PlainKind
from reconciler.model.call import ApiCall
from reconciler.model.plan import Target
from reconciler.registry import HttpRequest, HttpResponse, Registry, RegistrySettings
from tests.support.declared_operations import OUTSIDE_OPERATIONS, list_declared_operations
from tests.support.service_models import create_session

PLAIN_APIS = {
    table: kind.api
    for table, kind in all_kinds().items()
    if isinstance(kind, PlainKind) and kind.service == "iot"
}
MARKED_APIS = {table: kind.api for table, kind in all_kinds().items() if isinstance(kind, MarkedKind)}
REGION, ACCOUNT = "eu-west-1", "123456789012"
TARGET = Target("embedded", REGION, ACCOUNT)
AUDIT_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/audits"
LOGGING_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/logging"
AUDIT_CHECKS = ("CONFLICTING_CLIENT_IDS_CHECK", "LOGGING_DISABLED_CHECK")
DECLARED_OPERATIONS = list_declared_operations() | OUTSIDE_OPERATIONS | TRAIL_OPERATIONS
SETTINGS = RegistrySettings(ACCOUNT, REGION, thing_type_deletion_seconds=0)
"""The default settings, except that a deprecated thing type can be deleted at once."""


class DeclaredCaller(Caller):
    """A caller that fails on operations that no kind declares.

    Reads by which a caller verifies whether a write without a response took effect must be declared too.
    """

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        assert (call.service, call.operation) in DECLARED_OPERATIONS, f"no kind declares {call}"
        return super().__call__(call)


class Cloud:
    """An embedded registry with boto3 clients.

    `reset()` replaces the registry and keeps the clients, which are slow to create. `request_count` counts the requests to all
    of its registries.
    """

    def __init__(self, path: Path | str = ":memory:") -> None:
        core_session = create_session()
        core_session.register_component("response_parser_factory", ResponseParsers())
        bind(core_session, self)
        session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core_session)
        self.clients = Clients(session, TARGET, None)
        self.iot: Any = self.clients["iot"]
        self.managed_integrations: Any = self.clients["iot-managed-integrations"]
        self.call = DeclaredCaller(self.clients)
        self.request_count = 0
        self.registry = Registry(path, SETTINGS)
        self._configure_account()

    def handle(self, request: HttpRequest) -> HttpResponse:
        self.request_count += 1
        return self.registry.handle(request)

    def reset(self, *, is_new_account: bool = False) -> Cloud:
        """Replace the registry with an empty one in memory; in a new account, no settings were ever changed."""
        self.registry.close()
        self.registry = Registry(":memory:", SETTINGS)
        if not is_new_account:
            self._configure_account()
        return self

    def _configure_account(self) -> None:
        """Enable what resources need: fleet indexing, audit checks and logging."""
        self.iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
        self.iot.update_account_audit_configuration(
            roleArn=AUDIT_ROLE_ARN,
            auditCheckConfigurations={name: {"enabled": True} for name in AUDIT_CHECKS},
        )
        self.iot.set_v2_logging_options(roleArn=LOGGING_ROLE_ARN, defaultLogLevel="ERROR")

    def read_content(self) -> dict[str, Any]:
        """Return all resources by kind, and within a kind by name or ID.

        If AWS assigns random IDs to a kind's resources, they are a sorted list without these IDs.
        """
        return {
            "ca_certificates": self._read_cas(),
            "certificates": self._read_certificates(),
            "things": self._read_things(),
            "thing_groups": self._read_groups(),
            "managed_things": self._read_managed_things(),
            "policies": self._read_policies(),
            "thing_types": self._read_types(),
            "billing_groups": self._read_billing_groups(),
            "role_aliases": self._read_aliases(),
            **{table: self._read_plain(table) for table in PLAIN_APIS},
            **{table: self._read_marked(table) for table in MARKED_APIS},
            "scheduled_audits": self._read_audits(),
            "security_profiles": self._read_profiles_with_targets(),
            "log_levels": self._read_log_levels(),
            "package_versions": self._read_package_versions(),
            "topic_rules": self._read_rules(),
            "topic_rule_destinations": sorted(self._read_destinations().values(), key=str),
            "provisioning_templates": self._read_templates(),
            "credential_lockers": self._read_lockers(),
            "account_associations": self._read_associations(),
            "provisioning_profiles": self._read_profiles(),
        }

    def list_all(self, client: Any, operation: str, member: str, **params: Any) -> list[Any]:
        """Return the items of all pages of a list operation; `member` is the response member that has them."""
        return client.get_paginator(operation).paginate(**params).build_full_result().get(member, [])

    def read_settings(self) -> dict[str, Any]:
        """Return the responses to the reads of all account settings."""
        kinds = [kind for kind in all_kinds().values() if isinstance(kind, AccountSettings)]
        calls = {
            kind.table: ApiCall(kind.service, kind.api.read, ignored_errors=kind.api.not_configured_errors)
            for kind in kinds
        }
        return {table: _drop_times(send(self.call, call, {})) for table, call in calls.items()}

    def _read_log_levels(self) -> dict[str, Any]:
        """Return the level of each target except the default; without logging options there are none."""
        try:
            items = self.iot.list_v2_logging_levels()["logTargetConfigurations"]
        except self.iot.exceptions.NotConfiguredException:
            return {}
        return {
            f"{item['logTarget']['targetType']}:{item['logTarget']['targetName']}": item["logLevel"]
            for item in items
            if item["logTarget"]["targetType"] != "DEFAULT"
        }

    def _read_iot_tags(self, arn: str) -> dict[str, str]:
        return {
            tag["Key"]: tag["Value"]
            for tag in self.list_all(self.iot, "list_tags_for_resource", "tags", resourceArn=arn)
        }

    def _read_cas(self) -> dict[str, Any]:
        content = {}
        for item in self.list_all(self.iot, "list_ca_certificates", "certificates"):
            response = self.iot.describe_ca_certificate(certificateId=item["certificateId"])
            detail = response["certificateDescription"]
            members = {
                key: detail.get(key) for key in ("status", "certificateMode", "autoRegistrationStatus")
            }
            if "registrationConfig" in response:
                members["registrationConfig"] = response["registrationConfig"]
            content[item["certificateId"]] = {**members, "tags": self._read_iot_tags(item["certificateArn"])}
        return content

    def _read_certificates(self) -> dict[str, Any]:
        """Return the status and the certificate mode of each certificate, by ID."""
        items = self.list_all(self.iot, "list_certificates", "certificates")
        return {item["certificateId"]: (item["status"], item["certificateMode"]) for item in items}

    def _read_things(self) -> dict[str, Any]:
        content = {}
        for item in self.list_all(self.iot, "list_things", "things"):
            name = item["thingName"]
            principals = self.list_all(
                self.iot, "list_thing_principals_v2", "thingPrincipalObjects", thingName=name
            )
            groups = self.list_all(self.iot, "list_thing_groups_for_thing", "thingGroups", thingName=name)
            content[name] = {
                "attributes": item["attributes"],
                "type": item.get("thingTypeName"),
                "principals": sorted(
                    (principal["principal"].rpartition("/")[2], principal["thingPrincipalType"])
                    for principal in principals
                ),
                "billing_group": self.iot.describe_thing(thingName=name).get("billingGroupName"),
                "groups": sorted(group["groupName"] for group in groups),
            }
        return content

    def _read_types(self) -> dict[str, Any]:
        return {
            item["thingTypeName"]: {
                "properties": {
                    key: value for key, value in item["thingTypeProperties"].items() if _has_value(value)
                },
                "deprecated": item["thingTypeMetadata"]["deprecated"],
                "tags": self._read_iot_tags(item["thingTypeArn"]),
            }
            for item in self.list_all(self.iot, "list_thing_types", "thingTypes")
        }

    def _read_aliases(self) -> dict[str, Any]:
        content = {}
        for name in self.list_all(self.iot, "list_role_aliases", "roleAliases"):
            detail = self.iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]
            members = {key: detail[key] for key in ("roleArn", "credentialDurationSeconds")}
            content[name] = {**members, "tags": self._read_iot_tags(detail["roleAliasArn"])}
        return content

    def _read_plain(self, table: str) -> dict[str, Any]:
        """Return the descriptions of all resources of a plain kind, by name, without versions and times."""
        content = {}
        for name, (arn, detail) in self.describe_plain(table).items():
            members = {
                key: value for key, value in detail.items() if not _is_varying(key) and value not in ("", [])
            }
            content[name] = {**members, "tags": self._read_iot_tags(arn)}
        return content

    def _read_marked(self, table: str) -> list[Any]:
        """Return the descriptions of all resources of a kind of managed integrations, without IDs and times.

        Names of credential lockers are in place of their random IDs.
        """
        api, client = MARKED_APIS[table], self.managed_integrations
        lockers = self.list_all(client, "list_credential_lockers", "Items")
        locker_names = {item["Id"]: item["Name"] for item in lockers}
        content = []
        for item in self.list_all(client, xform_name(api.listing.operation), api.listing.items):
            params = {api.id_param: item[api.listing.id_key]}
            detail = getattr(client, xform_name(api.describe))(**params)
            if "ResourceId" in detail:
                detail["ResourceId"] = locker_names.get(detail["ResourceId"], "deleted")
            varying = {key for key in detail if _is_varying(key) or key == api.id}
            content.append({key: value for key, value in detail.items() if key not in varying})
        names = self._read_connector_names() if table == "connector_destinations" else {}
        for members in content:
            if "CloudConnectorId" in members:
                members["CloudConnectorId"] = names[members["CloudConnectorId"]]
        return sorted(content, key=str)

    def _read_connector_names(self) -> dict[str, str]:
        """Return the names of all cloud connectors and connector destinations, by ID."""
        client = self.managed_integrations
        connectors = self.list_all(client, "list_cloud_connectors", "Items")
        destinations = self.list_all(client, "list_connector_destinations", "ConnectorDestinationList")
        return {item["Id"]: item["Name"] for item in (*connectors, *destinations)}

    def _read_associations(self) -> list[Any]:
        """Return the account associations, with names of destinations in place of their random IDs."""
        omitted = ("AccountAssociationId", "Arn", "OAuthAuthorizationUrl", "ResponseMetadata")
        names, content = self._read_connector_names(), []
        for item in self.list_all(self.managed_integrations, "list_account_associations", "Items"):
            detail = self.managed_integrations.get_account_association(
                AccountAssociationId=item["AccountAssociationId"]
            )
            destination = names[detail["ConnectorDestinationId"]]
            members = {key: value for key, value in detail.items() if key not in omitted}
            content.append({**members, "ConnectorDestinationId": destination})
        return sorted(content, key=str)

    def _read_audits(self) -> dict[str, Any]:
        """Return the scheduled audits by name, without days that their frequencies do not use."""
        unused_days = {
            "DAILY": ("dayOfMonth", "dayOfWeek"),
            "MONTHLY": ("dayOfWeek",),
            "WEEKLY": ("dayOfMonth",),
        }
        return {
            name: {key: value for key, value in audit.items() if key not in unused_days[audit["frequency"]]}
            for name, audit in self._read_plain("scheduled_audits").items()
        }

    def _read_profiles_with_targets(self) -> dict[str, Any]:
        """Return the security profiles by name, with the ARNs of their targets."""
        content = {}
        for name, profile in self._read_plain("security_profiles").items():
            targets = self.list_all(
                self.iot,
                "list_targets_for_security_profile",
                "securityProfileTargets",
                securityProfileName=name,
            )
            content[name] = {**profile, "targets": sorted(target["arn"] for target in targets)}
        return content

    def _read_package_versions(self) -> dict[str, Any]:
        """Return the versions of all packages, by package and version name, without times."""
        content = {}
        for package in self.list_all(self.iot, "list_packages", "packageSummaries"):
            params = {"packageName": package["packageName"]}
            for item in self.list_all(self.iot, "list_package_versions", "packageVersionSummaries", **params):
                detail = self.iot.get_package_version(**params, versionName=item["versionName"])
                members = {
                    key: value for key, value in detail.items() if not _is_varying(key) and value != {}
                }
                content[detail["packageVersionArn"]] = {
                    **members,
                    "tags": self._read_iot_tags(detail["packageVersionArn"]),
                }
        return content

    def _read_destinations(self) -> dict[str, Any]:
        """Return the type, the properties and the status of each topic rule destination, by ARN."""
        varying = ("arn", "createdAt", "lastUpdatedAt", "statusReason")
        items = self.list_all(self.iot, "list_topic_rule_destinations", "destinationSummaries")
        return {
            item["arn"]: {key: value for key, value in item.items() if key not in varying} for item in items
        }

    def _read_rules(self) -> dict[str, Any]:
        """Return the topic rules by name, with destinations in place of their random ARNs."""
        text = json.dumps(self._read_plain("topic_rules"))
        for arn, destination in self._read_destinations().items():
            text = text.replace(json.dumps(arn), json.dumps(destination))
        content: dict[str, Any] = json.loads(text)
        return content

    def describe_plain(self, table: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return the ARN and the description of each resource of a plain kind, by name."""
        api = PLAIN_APIS[table]
        operation = xform_name(api.listing.operation)
        if self.iot.can_paginate(operation):
            items = self.list_all(self.iot, operation, api.listing.items)
        else:
            items = getattr(self.iot, operation)()[api.listing.items]
        descriptions = {}
        for name in api.listing.iterate_ids({api.listing.items: items}):
            response = getattr(self.iot, xform_name(api.describe))(**{api.name: name})
            detail = response[api.described] if api.described else response
            descriptions[name] = ({**response, **detail}[api.arn], detail)
        return descriptions

    def _read_templates(self) -> dict[str, Any]:
        """Return the templates without their version numbers, which depend on earlier applies."""
        names = ("enabled", "provisioningRoleArn", "preProvisioningHook", "type")
        content = {}
        for item in self.list_all(self.iot, "list_provisioning_templates", "templates"):
            detail = self.iot.describe_provisioning_template(templateName=item["templateName"])
            content[item["templateName"]] = {
                **{key: detail.get(key) for key in names},
                "description": detail.get("description") or None,
                "body": json.loads(detail["templateBody"]),
                "tags": self._read_iot_tags(item["templateArn"]),
            }
        return content

    def _read_billing_groups(self) -> dict[str, Any]:
        content = {}
        for item in self.list_all(self.iot, "list_billing_groups", "billingGroups"):
            detail = self.iot.describe_billing_group(billingGroupName=item["groupName"])
            content[item["groupName"]] = {
                "description": detail["billingGroupProperties"].get("billingGroupDescription") or None,
                "tags": self._read_iot_tags(item["groupArn"]),
            }
        return content

    def _read_groups(self) -> dict[str, Any]:
        content = {}
        for item in self.list_all(self.iot, "list_thing_groups", "thingGroups"):
            detail = self.iot.describe_thing_group(thingGroupName=item["groupName"])
            properties = detail["thingGroupProperties"]
            name = item["groupName"]
            if name.startswith(MARKER_PREFIX):  # it may have a random ID; the description has the address
                name = f"{MARKER_PREFIX} {properties['thingGroupDescription']}"
            content[name] = {
                "description": properties.get("thingGroupDescription") or None,
                "parent": detail["thingGroupMetadata"].get("parentGroupName"),
                "query": detail.get("queryString"),
                "attributes": properties.get("attributePayload", {}).get("attributes", {}),
                "tags": self._read_iot_tags(item["groupArn"]),
            }
        return content

    def _read_policies(self) -> dict[str, Any]:
        return {
            item["policyName"]: {
                "document": json.loads(self.iot.get_policy(policyName=item["policyName"])["policyDocument"]),
                "targets": sorted(
                    self.list_all(
                        self.iot, "list_targets_for_policy", "targets", policyName=item["policyName"]
                    )
                ),
                "tags": self._read_iot_tags(item["policyArn"]),
            }
            for item in self.list_all(self.iot, "list_policies", "policies")
        }

    def _read_lockers(self) -> list[Any]:
        """Return the name and the tags of each credential locker."""
        content = []
        for item in self.list_all(self.managed_integrations, "list_credential_lockers", "Items"):
            detail = self.managed_integrations.get_credential_locker(Identifier=item["Id"])
            content.append((detail["Name"], detail.get("Tags", {})))
        return sorted(content, key=str)

    def _read_profiles(self) -> list[Any]:
        omitted = ("Id", "Arn", "ResponseMetadata")
        content = []
        for item in self.list_all(self.managed_integrations, "list_provisioning_profiles", "Items"):
            detail = self.managed_integrations.get_provisioning_profile(Identifier=item["Id"])
            content.append({key: value for key, value in detail.items() if key not in omitted})
        return sorted(content, key=str)

    def _read_managed_things(self) -> list[Any]:
        """Return the managed things, with names of credential lockers in place of their random IDs."""
        omitted = ("Id", "Arn", "CreatedAt", "UpdatedAt", "ActivatedAt", "ResponseMetadata")
        locker_names = {
            item["Id"]: item["Name"]
            for item in self.list_all(self.managed_integrations, "list_credential_lockers", "Items")
        }
        content = []
        for item in self.list_all(self.managed_integrations, "list_managed_things", "Items"):
            detail = self.managed_integrations.get_managed_thing(Identifier=item["Id"])
            capabilities = self.managed_integrations.get_managed_thing_capabilities(Identifier=item["Id"])
            members = {key: value for key, value in detail.items() if key not in omitted}
            if "CredentialLockerId" in members:
                members["CredentialLockerId"] = locker_names.get(members["CredentialLockerId"], "deleted")
            if "CapabilityReport" in capabilities:
                members["CapabilityReport"] = capabilities["CapabilityReport"]
            content.append(members)
        return sorted(content, key=lambda item: (item.get("Tags", {}).get("reconciler:name", ""), str(item)))


def _is_varying(member: str) -> bool:
    """Return whether a member of a description depends on earlier changes of the resource."""
    return member in {"ResponseMetadata", "actionId", "version"} or member.endswith(("Date", "At"))


def _has_value(value: Any) -> bool:
    """Return whether a property of a thing type has a value; a cleared property is present but empty."""
    return any(map(_has_value, value.values())) if isinstance(value, dict) else bool(value)


def _drop_times(value: Any) -> Any:
    """Return a response without the times in it and without botocore's metadata."""
    if isinstance(value, Mapping):
        value = {name: item for name, item in value.items() if item != []}
        names = value.keys() - {"creationDate", "lastModifiedDate", "ResponseMetadata", "UpdatedAt"}
        return {name: _drop_times(value[name]) for name in sorted(names)}
    return value
