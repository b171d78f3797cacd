"""AWS's default API rates as packaged data, with the workspace's overrides."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from reconciler.model.quota import Quotas


def load_quotas(overrides: Mapping[str, Mapping[str, float]]) -> Quotas:
    """Return the rates of `quotas.toml` with `overrides` applied (service → operation → calls per second)."""
    packaged: dict[str, dict[str, Any]] = tomllib.loads(
        (files(__package__) / "quotas.toml").read_text("utf-8")
    )
    rates: dict[str, Mapping[str, float]] = {}
    shared: dict[str, Mapping[str, tuple[float, frozenset[str]]]] = {}
    for service, default_rates in packaged.items():
        # A shared bucket is one quota for several operations together.
        shared_buckets = default_rates.pop("shared", {})
        shared[service] = {
            name: (float(bucket["rate"]), frozenset(bucket["operations"]))
            for name, bucket in shared_buckets.items()
        }
        rates[service] = {**default_rates, **overrides.get(service, {})}
    return Quotas(rates, shared)
