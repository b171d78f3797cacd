"""Authentication material: its identifiers, and the initial status of its managed thing.

Invariant: material is parsed leniently, because AWS documents its formats but not what it rejects. Explicit parameters take
precedence over the values in the material.
"""

import re
from typing import Any

from reconciler.registry.catalog import Params

WIFI = "WIFI_SETUP_QR_BAR_CODE"
DISCOVERED = "DISCOVERED_DEVICE"

_UPC = re.compile(r"[0-9]{12}")
_EAN = re.compile(r"[0-9]{8,13}")
_SERIAL = re.compile(r"[A-Za-z0-9_ -]{1,128}")
# The material of a device from another cloud; it ends in the device's ID there.
_CLOUD = re.compile(r"CLOUD:[^:]*:([a-zA-Z0-9_.,@-]{1,256})")

# Documented: a Wi-Fi hub starts PRE_ASSOCIATED, an import from a cloud UNASSOCIATED. The rest is UNCONFIRMED: other bar
# codes are assumed to start like Wi-Fi's, and a device that a hub discovered is DISCOVERED.
_INITIAL_STATUS = {"PRE_ONBOARDED_CLOUD": "UNASSOCIATED", DISCOVERED: "DISCOVERED"}


def find_initial_status(params: Params) -> str:
    """Return the initial provisioning status of a managed thing."""
    if _CLOUD.fullmatch(params["AuthenticationMaterial"]):
        return "UNASSOCIATED"
    return _INITIAL_STATUS.get(params["AuthenticationMaterialType"], "PRE_ASSOCIATED")


def parse_material(params: Params) -> dict[str, Any]:
    """Return the members of a managed thing that its material contains.

    A Wi-Fi code is `SN:<serial>;UPC:<12 digits>`, or has an `EAN` in place of the UPC, and may end in a semicolon.
    """
    material = params["AuthenticationMaterial"]
    cloud_match = _CLOUD.fullmatch(material)
    if params["AuthenticationMaterialType"] == DISCOVERED and cloud_match:
        return {"ConnectorDeviceId": cloud_match[1]}
    if params["AuthenticationMaterialType"] != WIFI:
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
