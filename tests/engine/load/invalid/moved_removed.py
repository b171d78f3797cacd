"""What the file says wrong about addresses that it no longer has."""

from tests.engine.load.invalid.case import Broken

KEEP = "destroy = false; what is to be deleted needs no word, only its table taken out"

CASES = (
    Broken(
        "what is to be forgotten is an address that has gone, and destroy is false",
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
        desired_state.toml:3: error: removed[0].destroy: missing; expected {KEEP}
        desired_state.toml:7: error: removed[1].from: things.b is still in this file, at desired_state.toml:1; expected an address that is no longer in it
        desired_state.toml:8: error: removed[1].destroy: true; expected {KEEP}
        desired_state.toml:11: error: removed[2].from: unknown kind 'thing'; did you mean 'things.c'?
        desired_state.toml:13: error: removed[2].lasting: unknown key; expected one of 'from', 'destroy'
        desired_state.toml:16: error: removed[3].from: 'c' is not an address; expected kind.name, such as 'things.pump-7'
        desired_state.toml:20: error: removed[4].from: the integer 5; expected kind.name, such as 'things.pump-7'
        desired_state.toml:23: error: removed[5].from: missing; expected kind.name, such as 'things.pump-7'
        desired_state.toml:27: error: removed[6].from: this marks what the workspace owns, and goes with that; expected another address
        """,
    ),
    Broken(
        "what the registry does not know by its name in the file is told by another",
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
        desired_state.toml:2: error: removed[0].from: AWS knows a certificate by its id alone, and not by the name that it had here; expected certificates.ID, or the thing that has it, which takes it along
        desired_state.toml:6: error: removed[1].from: once its table is gone, a provisioned thing is a thing like any other; expected things.NAME, with the thing's name in AWS
        desired_state.toml:14: error: removed[3].from: said twice; the first is at desired_state.toml:9
        """,
    ),
    Broken(
        "a renaming leads from what has gone to what has come, of one kind, in one stride",
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
        desired_state.toml:2: error: things.new.moved.from: a thing group does not become a thing; expected an address in [things.*]
        desired_state.toml:5: error: things.two.moved.form: unknown key; did you mean 'from'?
        desired_state.toml:5: error: things.two.moved.from: missing; expected kind.name, such as 'things.pump-7'
        desired_state.toml:9: error: moved[0].to: there is no things.nwe in this file; did you mean 'things.new'?
        desired_state.toml:12: error: moved[1].from: things.two is still in this file, at desired_state.toml:4; expected an address that is no longer in it
        desired_state.toml:17: error: moved[2].to: things.q is moved on to things.new; expected 'things.new' at once
        desired_state.toml:25: error: moved[4].to: things.y is moved as well, in a circle; expected a name in this file
        desired_state.toml:29: error: moved[5].to: things.x is moved as well, in a circle; expected a name in this file
        desired_state.toml:32: error: moved[6].from: things.new was things.q already; expected one former name
        desired_state.toml:40: error: moved[7].from: things.gone is removed, too; expected one of both
        """,
    ),
    Broken(
        "no thing is put where it would be another workspace's",
        """
        [things.pump-1]
        thing_groups = [{ id = "reconciler-greenhouse2" }]
        """,
        """
        desired_state.toml:2: error: things.pump-1.thing_groups: 'reconciler-greenhouse2' marks what a workspace owns; expected another group
        """,
    ),
    Broken(
        "they are arrays of tables",
        """
        [removed]
        from = "things.a"
        destroy = false

        [moved]
        """,
        """
        desired_state.toml:1: error: removed: a table; expected tables [[removed]]
        desired_state.toml:5: error: moved: a table; expected tables [[moved]]
        """,
    ),
)
