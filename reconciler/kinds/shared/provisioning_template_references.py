"""Find the resources that a stored provisioning template names, without its parameters.

AWS accepts a template that names resources which do not exist, and then cannot provision any device with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds.shared.provisioning_template import POLICY, THING
from reconciler.model.document import Document

_TABLES: Mapping[str, Mapping[str, str]] = {
    THING: {"ThingTypeName": "thing_types", "ThingGroups": "thing_groups", "BillingGroup": "billing_groups"},
    POLICY: {"PolicyName": "policies"},
}
"""By type of the template's resource and its property: the table of the resources that the property names."""


def find_named_resources(template: Document) -> Iterator[tuple[str, str]]:
    """Yield the table and the name of each resource that a template names literally."""
    sections: Any = template.value
    resources = sections.get("Resources") if isinstance(sections, dict) else None
    for resource in resources.values() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or not isinstance(resource.get("Properties"), dict):
            continue
        for name, table in _TABLES.get(str(resource.get("Type")), {}).items():
            value = resource["Properties"].get(name)
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, str):
                    yield table, item
