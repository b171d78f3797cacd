"""Authentication material: its identifiers, and the initial status of its managed thing.

Invariant: material is parsed leniently, because AWS documents the formats of material but not what it rejects. The request's
own parameters, such as SerialNumber, take precedence over the values in the material.
"""

import re
from typing import Any

from reconciler.registry.catalog import Params

_WIFI_TYPE = "WIFI_SETUP_QR_BAR_CODE"
_DISCOVERED_TYPE = "DISCOVERED_DEVICE"

_UPC = re.compile(r"[0-9]{12}")
_EAN = re.compile(r"[0-9]{8,13}")
_SERIAL = re.compile(r"[A-Za-z0-9_ -]{1,128}")
# The material of a device from another cloud; it ends in the ID that the device has in that cloud.
_CLOUD = re.compile(r"CLOUD:[^:]*:([a-zA-Z0-9_.,@-]{1,256})")

# By material type; every other type starts PRE_ASSOCIATED. Documented: a hub with a Wi-Fi bar code starts PRE_ASSOCIATED, and a
# device that is imported from another cloud UNASSOCIATED. UNCONFIRMED: other bar codes start like Wi-Fi's, and a device that a hub
# discovered starts DISCOVERED.
_INITIAL_STATUS_BY_TYPE = {"PRE_ONBOARDED_CLOUD": "UNASSOCIATED", _DISCOVERED_TYPE: "DISCOVERED"}


def find_initial_status(params: Params) -> str:
    """Return the initial provisioning status of a managed thing."""
    if _CLOUD.fullmatch(params["AuthenticationMaterial"]):
        return "UNASSOCIATED"
    return _INITIAL_STATUS_BY_TYPE.get(params["AuthenticationMaterialType"], "PRE_ASSOCIATED")


def parse_material(params: Params) -> dict[str, Any]:
    """Return the members of a managed thing that its material contains.

    Only Wi-Fi codes and discovered devices of another cloud have any. A Wi-Fi code is `SN:<serial>;UPC:<12 digits>`, or has
    an `EAN` in place of the UPC, and may end in a semicolon.
    """
    material = params["AuthenticationMaterial"]
    cloud_match = _CLOUD.fullmatch(material)
    if params["AuthenticationMaterialType"] == _DISCOVERED_TYPE and cloud_match:
        return {"ConnectorDeviceId": cloud_match[1]}
    if params["AuthenticationMaterialType"] != _WIFI_TYPE:
        return {}
    partitions = [field.partition(":") for field in material.split(";")]
    fields = {name: value for name, _colon, value in partitions}
    candidates = {
        "SerialNumber": (fields.get("SN"), _SERIAL),
        "UniversalProductCode": (fields.get("UPC"), _UPC),
        "InternationalArticleNumber": (fields.get("EAN"), _EAN),
    }
    return {
        name: value
        for name, (value, pattern) in candidates.items()
        if value is not None and pattern.fullmatch(value)
    }
