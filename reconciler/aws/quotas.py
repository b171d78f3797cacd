"""AWS's default rates as packaged data, with what the workspace says over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from reconciler.model.quota import Quotas


def load_quotas(overrides: Mapping[str, Mapping[str, float]]) -> Quotas:
    """The rates of `quotas.toml`, with `overrides` (service → operation → calls a second) in their place."""
    packaged: dict[str, dict[str, Any]] = tomllib.loads(
        (files(__package__) / "quotas.toml").read_text("utf-8")
    )
    shared = {
        service: {
            name: (float(bucket["rate"]), frozenset(bucket["operations"]))
            for name, bucket in rates.pop("shared", {}).items()
        }
        for service, rates in packaged.items()
    }
    rates = {service: {**found, **overrides.get(service, {})} for service, found in packaged.items()}
    return Quotas(rates, shared)
