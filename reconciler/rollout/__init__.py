"""Plan and apply many environments of one file: each on an executor, in the order that the file gives.

- `rollout`: the Python API;
- `schedule`: which environments may start, from `after`, waves and failures;
- `driver`: hands tasks to an executor and collects their responses;
- `task`: one task on a worker; `messages`: the JSON text of its request and its response;
- `file_tree`: the file of a desired state with its folder, for workers that do not have it;
- `channel`: events from tasks, and the request to stop them.
"""

from reconciler.rollout.rollout import Rollout

__all__ = ["Rollout"]
