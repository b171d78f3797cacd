"""What authentication material tells of a device: its numbers, and the status that a managed thing begins with.

Law: material is read leniently. AWS documents the formats, not what it refuses; refusing is left to whoever writes the
material. What was given expressly always counts before what the material says.
"""

import re
from typing import Any

from reconciler.registry.catalog import Params

WIFI = "WIFI_SETUP_QR_BAR_CODE"
DISCOVERED = "DISCOVERED_DEVICE"

_UPC = re.compile(r"[0-9]{12}")
_EAN = re.compile(r"[0-9]{8,13}")
_SERIAL = re.compile(r"[A-Za-z0-9_ -]{1,128}")
_CLOUD = re.compile(r"CLOUD:[^:]*:([a-zA-Z0-9_.,@-]{1,256})")

# Documented: a Wi-Fi hub starts PRE_ASSOCIATED, an import from a cloud UNASSOCIATED. The rest is UNCONFIRMED: other bar
# codes are taken to start as Wi-Fi's do, and what a hub has discovered is DISCOVERED.
_INITIAL_STATUS = {"PRE_ONBOARDED_CLOUD": "UNASSOCIATED", DISCOVERED: "DISCOVERED"}


def initial_status(params: Params) -> str:
    """Give the provisioning status with which a managed thing begins."""
    if _CLOUD.fullmatch(params["AuthenticationMaterial"]):
        return "UNASSOCIATED"
    return _INITIAL_STATUS.get(params["AuthenticationMaterialType"], "PRE_ASSOCIATED")


def parse_material(params: Params) -> dict[str, Any]:
    """Give the members of a managed thing that stand in its material.

    A Wi-Fi code is `SN:<serial>;UPC:<12 digits>` or with an `EAN` in place of the UPC, and may end in a semicolon.
    """
    material = params["AuthenticationMaterial"]
    if params["AuthenticationMaterialType"] == DISCOVERED and (cloud := _CLOUD.fullmatch(material)):
        return {"ConnectorDeviceId": cloud.group(1)}
    if params["AuthenticationMaterialType"] != WIFI:
        return {}
    fields = {name: value for name, _, value in (field.partition(":") for field in material.split(";"))}
    read = {
        "SerialNumber": (fields.get("SN"), _SERIAL),
        "UniversalProductCode": (fields.get("UPC"), _UPC),
        "InternationalArticleNumber": (fields.get("EAN"), _EAN),
    }
    return {
        name: value for name, (value, form) in read.items() if value is not None and form.fullmatch(value)
    }
