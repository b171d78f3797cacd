"""A `Call` that reads the change feed of an embedded registry."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

from reconciler.aws.caller import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.retries import NO_BOTOCORE_RETRIES
from tests.support.registry_client import REGION, Cloud
from tests.support.service_models import create_session


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture(scope="module")
def call(cloud) -> Caller:
    core = create_session()
    bind(core, cloud)
    session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core)
    client = session.client("cloudtrail", config=Config(retries=dict(NO_BOTOCORE_RETRIES)))
    return Caller({"cloudtrail": client})
