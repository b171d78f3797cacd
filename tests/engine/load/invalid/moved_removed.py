"""Invalid `[[moved]]` and `[[removed]]`, and names that are reserved for ownership markers."""

from tests.engine.load.invalid.case import InvalidCase

EXPECTED_DESTROY = "destroy = false (to delete the resource, remove its table and write no [[removed]])"

CASES = (
    InvalidCase(
        "[[removed]] takes an address that is not declared, and destroy = false",
        """
        [things.b]

        [[removed]]
        from = "things.a"

        [[removed]]
        from = "things.b"
        destroy = true

        [[removed]]
        from = "thing.c"
        destroy = false
        lasting = 1

        [[removed]]
        from = "c"
        destroy = false

        [[removed]]
        from = 5
        destroy = false

        [[removed]]
        destroy = false

        [[removed]]
        from = "things.reconciler-greenhouse-unattached"
        destroy = false
        """,
        f"""
        desired_state.toml:3: error: removed[0].destroy: required key is missing; expected {EXPECTED_DESTROY}
        desired_state.toml:7: error: removed[1].from: things.b is still declared at desired_state.toml:1; expected an address that the file no longer has
        desired_state.toml:8: error: removed[1].destroy: got true; expected {EXPECTED_DESTROY}
        desired_state.toml:11: error: removed[2].from: unknown kind 'thing'; did you mean 'things.c'?
        desired_state.toml:13: error: removed[2].lasting: unknown key; expected one of 'from', 'destroy'
        desired_state.toml:16: error: removed[3].from: 'c' is not a valid address; expected kind.name, such as 'things.pump-7'
        desired_state.toml:20: error: removed[4].from: got the integer 5; expected kind.name, such as 'things.pump-7'
        desired_state.toml:23: error: removed[5].from: required key is missing; expected kind.name, such as 'things.pump-7'
        desired_state.toml:27: error: removed[6].from: this is an ownership marker; the workspace removes its markers itself; expected another address
        """,
    ),
    InvalidCase(
        "[[removed]] takes the name that a resource has in the registry, and each name once",
        """
        [[removed]]
        from = "certificates.pump-1"
        destroy = false

        [[removed]]
        from = "provisioned_things.pump-2"
        destroy = false

        [[removed]]
        from = "things.pump-3"
        destroy = false

        [[removed]]
        from = "things.pump-3"
        destroy = false
        """,
        """
        desired_state.toml:2: error: removed[0].from: the registry knows a device certificate only by its ID, not by its name in the file; expected certificates.ID, or the thing that has it, or certificates.* for all
        desired_state.toml:6: error: removed[1].from: once its table is removed, a provisioned thing is an ordinary thing; expected things.NAME, with the thing's name in AWS
        desired_state.toml:14: error: removed[3].from: already listed at desired_state.toml:9; remove one of the two
        """,
    ),
    InvalidCase(
        "a move leads directly from an undeclared address to a declared one of the same kind",
        """
        [things.new]
        moved = { from = "thing_groups.g" }

        [things.two]
        moved = { form = "things.g" }

        [[moved]]
        from = "things.old"
        to = "things.nwe"

        [[moved]]
        from = "things.two"
        to = "things.new"

        [[moved]]
        from = "things.p"
        to = "things.q"

        [[moved]]
        from = "things.q"
        to = "things.new"

        [[moved]]
        from = "things.x"
        to = "things.y"

        [[moved]]
        from = "things.y"
        to = "things.x"

        [[moved]]
        from = "things.other"
        to = "things.new"

        [[removed]]
        from = "things.gone"
        destroy = false

        [[moved]]
        from = "things.gone"
        to = "things.two"
        """,
        """
        desired_state.toml:2: error: things.new.moved.from: a thing group cannot become a thing; expected an address in [things.*]
        desired_state.toml:5: error: things.two.moved.form: unknown key; did you mean 'from'?
        desired_state.toml:5: error: things.two.moved.from: required key is missing; expected kind.name, such as 'things.pump-7'
        desired_state.toml:9: error: moved[0].to: things.nwe is not declared in this file; did you mean 'things.new'?
        desired_state.toml:12: error: moved[1].from: things.two is still declared at desired_state.toml:4; expected an address that the file no longer has
        desired_state.toml:17: error: moved[2].to: things.q is itself moved to things.new; expected 'things.new' directly
        desired_state.toml:25: error: moved[4].to: things.y is moved as well, in a cycle; expected an address in this file
        desired_state.toml:29: error: moved[5].to: things.x is moved as well, in a cycle; expected an address in this file
        desired_state.toml:32: error: moved[6].from: things.new is already moved from things.q; expected one former address
        desired_state.toml:40: error: moved[7].from: things.gone is listed in [[removed]], too; expected one of the two
        """,
    ),
    InvalidCase(
        "a thing cannot join the group of another workspace",
        """
        [things.pump-1]
        thing_groups = [{ id = "reconciler-greenhouse2" }]
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_groups: 'reconciler-greenhouse2' is reserved for the things that a workspace owns; expected another group
        """,
    ),
    InvalidCase(
        "moved and removed are arrays of tables",
        """
        [removed]
        from = "things.a"
        destroy = false

        [moved]
        """,
        """
        desired_state.toml:1: error: removed: got a table; expected tables [[removed]]
        desired_state.toml:5: error: moved: got a table; expected tables [[moved]]
        """,
    ),
)
