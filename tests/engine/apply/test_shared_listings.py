"""Checks that run within a second share the response to one listing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from reconciler.engine.apply.shared_listings import SharedListings
from reconciler.engine.plan.compare import compare_states
from reconciler.engine.plan.refresh import refresh
from reconciler.engine.plan.reread_pages import choose_reread_pages, is_listing_faster
from reconciler.kinds.things import Thing
from reconciler.model.call import ApiCall
from tests.support.desired_states import apply, list_failures, make_resource, make_state, plan_state
from tests.support.registry_client import TARGET

THINGS = ApiCall("iot", "ListThings", max_items=1000)


class NumberedResponses:
    """A `Call` whose responses have numbers, and the clock that its caller uses."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.requests: list[ApiCall] = []

    def __call__(self, call: ApiCall) -> dict[str, int]:
        self.requests.append(call)
        return {"number": len(self.requests)}

    def get_seconds(self) -> float:
        return self.seconds


@pytest.fixture
def responses() -> NumberedResponses:
    return NumberedResponses()


@pytest.fixture
def listings(responses) -> Iterator[SharedListings]:
    with ThreadPoolExecutor(8) as pool:
        yield SharedListings(responses, pool, responses.get_seconds)


@pytest.mark.parametrize(("seconds", "number"), [(0.0, 1), (1.0, 1), (1.1, 2)])
def test_a_listing_is_sent_again_after_more_than_a_second(responses, listings, seconds, number):
    listings.answer([THINGS])
    responses.seconds += seconds

    assert listings.answer([THINGS]) == [{"number": number}]


@pytest.mark.parametrize(
    "call",
    [
        ApiCall("iot", "ListThings", {"thingTypeName": "pump"}, max_items=250),
        ApiCall("iot", "DescribeThing", {"thingName": "pump-1"}),
        ApiCall("iot", "ListPolicies"),
        ApiCall("iot", "ListTargetsForPolicy", {"policyName": "connect"}),
    ],
)
def test_other_calls_are_always_sent(listings, call):
    assert [listings.answer([call]), listings.answer([call])] == [[{"number": 1}], [{"number": 2}]]


def test_listings_of_different_lengths_are_not_shared(listings):
    shorter_listing = ApiCall("iot", "ListThings", max_items=250)

    assert [listings.answer([call]) for call in (THINGS, shorter_listing)] == [
        [{"number": 1}],
        [{"number": 2}],
    ]


def test_the_targets_of_each_policy_are_listed_once(listings):
    calls = [
        ApiCall("iot", "ListTargetsForPolicy", {"policyName": name}, max_items=1000)
        for name in ("connect", "publish", "connect")
    ]

    assert [listings.answer([call]) for call in calls] == [[{"number": 1}], [{"number": 2}], [{"number": 1}]]


def test_many_threads_share_one_request(listings):
    assert listings.answer([THINGS] * 100) == [{"number": 1}] * 100


def test_a_listing_that_takes_longer_than_a_second_serves_all_that_wait_for_it(responses):
    def answer_slowly(call: ApiCall) -> dict[str, int]:
        responses.seconds += 1.5
        return responses(call)

    with ThreadPoolExecutor(8) as pool:
        listings = SharedListings(answer_slowly, pool, responses.get_seconds)

        assert listings.answer([THINGS] * 8) == [{"number": 1}] * 8
        assert listings.answer([THINGS]) == [{"number": 2}]  # this check began later


def test_a_response_that_is_known_needs_no_other_thread(responses):
    pool = ThreadPoolExecutor(1)
    listings = SharedListings(responses, pool, responses.get_seconds)
    call = ApiCall("iot", "DescribeThing", {"thingName": "pump-1"})
    listings.answer([THINGS])
    pool.shutdown()  # from now on, it rejects work

    assert listings.answer([THINGS, call, THINGS]) == [{"number": 1}, {"number": 2}, {"number": 1}]


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [
        (0, 0, True),
        (250, 34, False),
        (250, 35, True),
        (251, 69, False),
        (1000, 140, True),
        (1001, 9999, False),
    ],
)
def test_listings_are_faster_for_many_changes_of_a_small_fleet(size, count, expected):
    assert is_listing_faster(size, count, max_pages=4) is expected


@pytest.mark.parametrize(
    ("endpoint", "quotas", "pages"),
    [
        ("embedded", {}, 16),
        ("http://localhost:4510", {}, 16),
        ("embedded", {"iot": {"ListThings": 10.0}}, 4),
        ("aws", {}, 4),
        ("https://registry.example.com", {}, 4),
    ],
)
def test_more_pages_are_listed_only_where_no_quota_is_shared_with_others(cloud, endpoint, quotas, pages):
    state = make_state(*(make_resource("things", f"pump-{number}", Thing()) for number in range(35)))
    comparison = compare_states(state, refresh(state, cloud.call, lambda *_: None), lambda *_: None)
    settings = evolve(state.settings, quotas=quotas)

    assert choose_reread_pages(comparison, evolve(TARGET, endpoint=endpoint), settings) == {"things": pages}


def test_a_thing_that_someone_creates_after_the_plan_is_found_with_a_listing(cloud):
    names = [f"pump-{number:02}" for number in range(40)]
    plan = plan_state(make_state(*(make_resource("things", name, Thing()) for name in names)), cloud)
    cloud.iot.create_thing(thingName="pump-07")

    outcomes = apply(plan, cloud)

    assert plan.basis.reread_pages.keys() == {"things"}
    assert list_failures(outcomes) == [
        "failed things.pump-07: things.pump-07: was created after the plan was made; run plan again"
    ]
