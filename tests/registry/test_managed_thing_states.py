"""Reports of the registry's simulated devices: connection, certificate, and states."""

import pytest
from cryptography import x509

from tests.support.direct_client import START_TIME, catch_error, remove_metadata

from .test_managed_things import build_device_params

MISSING = ("ResourceNotFoundException", 404)
NAMES = {"id": "aws.OnOff@1.0", "name": "OnOff", "version": "1"}


@pytest.fixture
def thing(managed):
    return managed.create_managed_thing(**build_device_params())["Id"]


def build_endpoint(**parameters):
    action = {"name": "UpdateState", "parameters": parameters}
    return {"endpointId": "1", "capabilities": [{**NAMES, "actions": [action]}]}


def send_command(managed, thing, **parameters):
    return managed.send_managed_thing_command(ManagedThingId=thing, Endpoints=[build_endpoint(**parameters)])


def test_a_device_that_was_never_set_up_reports_nothing(managed, thing):
    connectivity = managed.get_managed_thing_connectivity_data(Identifier=thing)
    state = managed.get_managed_thing_state(ManagedThingId=thing)
    assert remove_metadata(connectivity) == {"ManagedThingId": thing, "Connected": False}
    assert remove_metadata(state) == {"Endpoints": []}
    assert catch_error(managed.get_managed_thing_certificate, Identifier=thing) == MISSING


def test_the_first_command_brings_the_device_online(managed, thing, clock):
    response = send_command(managed, thing, OnOff=True)
    assert (response["ResponseMetadata"]["HTTPStatusCode"], len(response["TraceId"])) == (202, 32)
    clock.advance(60)
    send_command(managed, thing, OnOff=False)
    assert remove_metadata(managed.get_managed_thing_connectivity_data(Identifier=thing)) == {
        "ManagedThingId": thing,
        "Connected": True,
        "Timestamp": START_TIME,
        "DisconnectReason": "NONE",
    }
    described = managed.get_managed_thing(Identifier=thing)
    assert (described["ProvisioningStatus"], described["ActivatedAt"]) == ("ACTIVATED", START_TIME)
    pem = managed.get_managed_thing_certificate(Identifier=thing)["CertificatePem"]
    assert x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string() == "CN=AWS IoT Certificate"


def test_properties_of_several_commands_are_merged(managed, thing):
    send_command(managed, thing, OnOff=True, Level=3)
    send_command(managed, thing, OnOff=False)
    assert managed.get_managed_thing_state(ManagedThingId=thing)["Endpoints"] == [
        {"endpointId": "1", "capabilities": [{**NAMES, "properties": {"OnOff": False, "Level": 3}}]}
    ]


def test_a_device_of_another_cloud_has_no_certificate(managed):
    thing = managed.create_managed_thing(
        Role="DEVICE",
        AuthenticationMaterial="CLOUD:acme:lamp-1",
        AuthenticationMaterialType="DISCOVERED_DEVICE",
    )["Id"]
    send_command(managed, thing, OnOff=True)
    assert catch_error(managed.get_managed_thing_certificate, Identifier=thing) == MISSING


def test_a_deleted_device_reports_nothing_more(managed, thing):
    send_command(managed, thing, OnOff=True)
    managed.delete_managed_thing(Identifier=thing, Force=True)
    for call, member in [
        (managed.get_managed_thing_certificate, "Identifier"),
        (managed.get_managed_thing_connectivity_data, "Identifier"),
        (managed.get_managed_thing_state, "ManagedThingId"),
    ]:
        assert catch_error(call, **{member: thing}) == MISSING
