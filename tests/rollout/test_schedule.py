"""The order of a rollout: a model of any environments, waves, failures and stops, and its groups."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.rollout import Rollout
from reconciler.rollout.schedule import Schedule, ScheduledEnvironment, Waves, find_predecessors
from tests.support.examples import examples

NAMES = [f"site-{number}" for number in range(8)]


@st.composite
def rollouts(draw):
    """Return the group and the predecessors of each environment; those of a group have the same."""
    groups = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=len(NAMES)))
    environments = dict(zip(NAMES, groups, strict=False))
    order = draw(st.permutations("abcd"))
    after = {
        group: frozenset(
            name for name, other in environments.items() if other in order[:position] and draw(st.booleans())
        )
        for position, group in enumerate(order)
    }
    return environments, {name: after[group] for name, group in environments.items()}


WAVES = st.sampled_from(["100%", "1,50%,100%", "1", "2", "10%", "1,1"]).map(Waves.parse)


@examples(40)
@given(rollouts(), WAVES, st.integers(0, 3), st.data())
def test_every_environment_is_started_in_order_or_blocked_with_a_reason(rollout, waves, max_failures, data):
    groups, after = rollout
    schedule = Schedule(
        [ScheduledEnvironment(name, groups[name], after[name]) for name in groups], waves, max_failures
    )
    results, running, is_stopped = {}, [], False
    while True:
        started = schedule.start_ready()
        assert set(started).isdisjoint([*results, *running])
        assert not started or not is_stopped
        assert not started or list(results.values()).count(False) <= max_failures
        assert all(results.get(earlier) for name in started for earlier in after[name])
        running += started
        for name in started:
            *_, (wave, earlier_waves) = find_waves(groups, waves, name)
            assert name in wave
            assert set(earlier_waves) <= results.keys()
        if not running:
            break
        name = running.pop(data.draw(st.integers(0, len(running) - 1)))
        results[name] = data.draw(st.sampled_from([True, True, True, False]))
        schedule.finish(name, is_success=results[name])
        if data.draw(st.integers(0, 9)) == 0:
            schedule.stop()
            is_stopped = True
    blocked = dict(schedule.list_blocked())
    assert sorted([*results, *blocked]) == sorted(groups)
    assert not blocked or is_stopped or False in results.values()


def find_waves(groups, waves, name):
    """Yield the waves of an environment's group until its own, each with the environments before it."""
    earlier: list[str] = []
    for wave in waves.split([other for other in groups if groups[other] == groups[name]]):
        yield wave, list(earlier)
        if name in wave:
            return
        earlier += wave


def test_an_environment_that_is_left_out_does_not_change_the_order_of_the_others():
    after = {"dev": (), "test": ("dev",), "staging": ("dev", "test"), "prod": ("staging",), "lab": ()}
    assert find_predecessors(after, {"dev", "prod", "lab"}) == {
        "dev": set(),
        "lab": set(),
        "test": {"dev"},
        "staging": {"dev"},
        "prod": {"dev"},
    }


def test_environments_of_several_tables_on_one_line_have_waves_of_their_own(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text("""
environments = { prod = { after = ["test"], account = "000000000001" }, test = { account = "000000000002" } }
[workspace]
name = "greenhouse"
[thing_groups.pumps]
""")
    rollout = Rollout(path)
    result = rollout.apply(rollout.plan(), wave="1,100%")
    assert result.counts == {"applied": 2}
