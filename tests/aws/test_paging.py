"""Listings whose pages are joined: which operations have pages, and when reading them ends."""

from __future__ import annotations

import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.caller import Caller
from reconciler.aws.clients import Clients
from reconciler.aws.paging import find_paging
from reconciler.aws.session import create_core_session
from reconciler.model.call import ApiCall
from reconciler.model.errors import TargetError
from tests.support.registry_client import DECLARED_OPERATIONS, REGION, TARGET


@pytest.fixture(scope="module")
def server():
    """Clients of a server that answers with each of `pages` in turn, and its `tokens` of the requests."""
    core = create_core_session()
    server = SimpleNamespace(pages=[], tokens=[])

    def respond(request, **_):
        server.tokens.append(request.url.partition("nextToken=")[2])
        body = json.dumps(server.pages.pop(0)).encode()
        return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda **_: [body]))

    core.register("before-send", respond)
    session = boto3.Session("test", "test", region_name=REGION, botocore_session=core)
    server.clients = Clients(session, TARGET, None)
    return server


def test_every_paged_operation_has_the_members_that_its_paging_names(server):
    wrong = []
    for service, operation in sorted(DECLARED_OPERATIONS):
        client = server.clients[service]
        model = client.meta.service_model.operation_model(operation)
        if paging := find_paging(client, operation):
            requested, returned = model.input_shape.members, model.output_shape.members
            types = (
                requested[paging.token].type_name,
                requested[paging.size].type_name if paging.size else "integer",
                returned[paging.items].type_name,
                returned[paging.next_token].type_name,
            )
            wrong += [(operation, types)] if types != ("string", "integer", "list", "string") else []
    assert wrong == []


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3), min_size=1, max_size=5))
def test_a_listing_has_the_items_of_all_pages_and_requests_each_once(server, pages):
    tokens = [f"t{number}" for number in range(1, len(pages))]
    server.tokens.clear()
    server.pages = [
        {"things": things, **({"nextToken": token} if token else {})}
        for things, token in zip(pages, [*tokens, ""], strict=True)
    ]
    response = Caller(server.clients)(ApiCall("iot", "ListThingsInThingGroup", {"thingGroupName": "oslo"}))
    assert response == {"things": [thing for things in pages for thing in things]}
    assert [token.partition("&")[0] for token in server.tokens] == ["", *tokens]


def test_a_server_that_repeats_a_token_does_not_keep_a_listing_from_ending(server):
    server.pages = [{"things": ["pump-1"], "nextToken": "t1"}] * 3
    with pytest.raises(TargetError) as caught:
        Caller(server.clients)(ApiCall("iot", "ListThingsInThingGroup", {"thingGroupName": "oslo"}))
    assert str(caught.value) == (
        "iot:ListThingsInThingGroup got a response that is not AWS's; check the endpoint and the proxy"
    )
    assert len(server.pages) == 1
