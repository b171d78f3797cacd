"""Answer the calls that read edges from memory, and decide which edges must be read.

Invariant: an edge is remembered only if nothing that is known speaks against it: the thing has the same version, its certificates
have the same marks, the file gives it the same edges, the feed does not name it, no run has written to it, and it is not too old.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future

from attrs import define, field

from reconciler.engine.ownership.stored_lease import read_group
from reconciler.engine.remembered.cache import CacheError, ReadingCache, RememberedThing
from reconciler.engine.remembered.preparation import CHECKPOINT, TRUSTED_SINCE, Preparation, prepare_cache
from reconciler.engine.remembered.principals import (
    Marks,
    RememberedResponse,
    encode_principals,
    find_marks,
    has_principal,
    have_same_marks,
    is_same_as,
)
from reconciler.engine.remembered.scrub import choose_turns
from reconciler.engine.remembered.shared import SharedReadings
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.reads import PAGE_SIZE, has_more_pages
from reconciler.kinds.shared.edges import find_holders, find_versions, get_listed_certificates
from reconciler.model.call import ApiCall, Batch, Call
from reconciler.model.edge_readings import RememberedSettings
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, JournalError
from reconciler.model.text import make_plural

EDGE_OPERATION = "ListThingPrincipalsV2"
_HOLDER_OPERATIONS = frozenset({"ListPrincipalThings", "ListPrincipalThingsV2"})
"""They list the same edges from the other side, and only for some certificates."""

_STORED_AT_ONCE = 1_000
"""The readings that one transaction stores: what a kill loses of a long reading."""

NOT_REMEMBERED = "not remembered"
_NAMED = "named by CloudTrail"
_OTHER_VERSION = "with another version"
_OTHER_CERTIFICATES = "with a changed certificate"
_OTHER_FILE = "that the file changed"
_REQUIRED = "that the plan changes"
EXPIRED = "older than max_age"
TURN = "in turn"


@define(slots=False)
class RememberedEdges:
    """The remembered edges of one plan or drift. Thread-safe, because kinds are read at the same time.

    - `desired_digests`: a digest of the edges that the file gives each thing, by name;
    - `rate`: the calls per second that AWS allows to read edges;
    - `thing_count`: the number of things in the file;
    - `shared`: the readings of other machines, if the team shares them;
    - `uses_certificates`: whether the plan itself reads the listing of the certificates.
    """

    cache: ReadingCache
    settings: RememberedSettings
    workspace: str
    call: Call
    desired_digests: Mapping[str, str]
    rate: float
    thing_count: int
    shared: SharedReadings | None = None
    uses_certificates: bool = True

    reasons: Counter[str] = field(factory=Counter, init=False)
    remembered: dict[str, float] = field(factory=dict, init=False)
    """The things whose edges the last pass remembered, each with the time of the reading."""
    warnings: list[str] = field(factory=list, init=False)
    now: float = field(default=0.0, init=False)
    _preparing: Future[None] | None = field(default=None, init=False)
    _preparation: Preparation | None = field(default=None, init=False)
    _is_usable: bool = field(default=True, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _versions: dict[str, int] = field(factory=dict, init=False)
    _marks: Marks = field(factory=dict, init=False)
    _certificates: Response | None = field(default=None, init=False)
    _read: set[str] = field(factory=set, init=False)
    _required: set[str] = field(factory=set, init=False)
    _contradicted: set[str] = field(factory=set, init=False)
    _expected: dict[str, bytes] = field(factory=dict, init=False)
    _unstored: list[RememberedThing] = field(factory=list, init=False)
    _unexplained: list[str] = field(factory=list, init=False)
    _calls_left: int = field(init=False)
    """The calls that the time of the scrub allows and that are not used yet."""

    def __attrs_post_init__(self) -> None:
        self._calls_left = int(self.settings.scrub_seconds * self.rate)

    # ── during a pass ─────────────────────────────────────────────────────────────────────────────

    def begin_pass(self, executor: Executor) -> None:
        """Begin to read everything, for the first time or again.

        The first time, the feed and the certificates are read meanwhile, because only edges depend on them.
        """
        self.remembered.clear()
        if self._preparing is None and self._is_usable:
            self._preparing = executor.submit(self._prepare)

    def recall(self, batch: Batch) -> Sequence[Response | None]:
        """Return the remembered response to each call of a batch, None for those to send.

        Raises AwsError and TargetError if a batch reads edges, and it cannot be determined which may be remembered.
        """
        names = {
            call.params["thingName"]: position
            for position, call in enumerate(batch)
            if call.operation == EDGE_OPERATION
        }
        responses: list[Response | None] = [None] * len(batch)
        if names:
            if self._preparing:
                self._preparing.result()
            with self._lock:
                if self._is_usable:
                    try:
                        self._recall_edges(names, responses)
                    except CacheError as error:
                        self.give_up(error)
        elif len(batch) == 1 and _lists_certificates(batch[0]):
            responses[0] = self._take_certificates()
        return responses

    def record(self, call: ApiCall, response: Response) -> None:
        """Take note of a response to a call that was sent."""
        self._versions.update(find_versions(call, response))
        if call.operation in _HOLDER_OPERATIONS:
            with self._lock:
                self._note_holders(call.params["principal"], response)
        elif call.operation == EDGE_OPERATION:
            with self._lock:
                self._record_edges(call.params["thingName"], response)

    def needs_another_pass(self, names: Collection[str]) -> bool:
        """Return whether everything must be read again, because changes rest on remembered edges.

        `names` are the things that the changes of this pass concern. An unexplained difference makes all remembered edges invalid.
        """
        with self._lock:
            self._store()
            unread = self.remembered.keys() & {*names, *self._contradicted}
            self._required |= unread
            is_distrusted = (
                bool(self._unexplained and self.remembered) and self.settings.unexplained != "warn"
            )
            if is_distrusted:
                self._distrust()
            return is_distrusted or bool(unread)

    def end(self, changed_names: Collection[str]) -> None:
        """Store what was read; the next run reads the things that the changes concern again."""
        with self._lock:
            self._store()
            if self._preparation is None or not self._is_usable:
                return
            if self._unexplained:
                self.warnings.append(_describe_unexplained(self._unexplained, self.settings.unexplained))
            try:
                self.cache.forget(changed_names)
                if self._preparation.is_feed_read:
                    self.cache.write_times(**{CHECKPOINT: self.now})
                if self.shared:
                    self.shared.push(self.cache, self.now)
            except CacheError as error:
                self.give_up(error)
            except JournalError as error:
                self.warnings.append(f"the readings of this run are not shared: {error}")

    def give_up(self, error: CacheError) -> None:
        """Read all edges that are not read yet, and remember none."""
        self._is_usable = False
        self.warnings.append(f"{error}; all edges are read")
        if error.is_damaged:
            self.cache.delete()

    @property
    def read_count(self) -> int:
        """The number of things whose edges were read."""
        return len(self._read)

    # ── deciding ──────────────────────────────────────────────────────────────────────────────────

    def _take_certificates(self) -> Response | None:
        """Return the complete listing of the certificates, but only once, because it is large."""
        if self._preparing is None or self._preparing.exception():
            return None
        response, self._certificates = self._certificates, None
        return response

    def _recall_edges(self, names: Mapping[str, int], responses: list[Response | None]) -> None:
        """Set the remembered responses, each at the position of its thing in the batch. Raises CacheError."""
        usable, reasons = self._find_usable(names)
        direct_count = sum(name not in self._read for name in reasons)
        eligible = [name for name in usable if name not in self._read]
        turns = choose_turns(eligible, max(0, self._calls_left - direct_count))
        self._calls_left -= direct_count + len(turns)
        for name in turns:
            self._expected[name], _ = usable.pop(name)
            reasons[name] = TURN
        self.reasons.update(
            _NAMED if reason == NOT_REMEMBERED and self._is_named(name) else reason
            for name, reason in reasons.items()
            if name not in self._read
        )
        for name, (principals, read_at) in usable.items():
            responses[names[name]] = RememberedResponse(principals)
            if name not in self._read:
                self.remembered[name] = read_at

    def _find_usable(self, names: Collection[str]) -> tuple[dict[str, tuple[bytes, float]], dict[str, str]]:
        """Return the usable edges with their time, the oldest first, and why the others must be read."""
        trusted_since = self.cache.read_time(TRUSTED_SINCE) or 0.0
        oldest = max(trusted_since, self.now - self.settings.max_age_seconds)
        usable: dict[str, tuple[bytes, float]] = {}
        reasons = dict.fromkeys(names, NOT_REMEMBERED)
        for thing in self.cache.iterate_things():
            if thing.name in names:
                reason = self._find_reason(thing, trusted_since, oldest)
                if reason is None:
                    usable[thing.name] = thing.principals, thing.read_at
                    del reasons[thing.name]
                else:
                    reasons[thing.name] = reason
        return usable, reasons

    def _find_reason(self, thing: RememberedThing, trusted_since: float, oldest: float) -> str | None:
        """Return why the edges of a thing must be read, or None if they may be remembered."""
        if thing.name in self._required and thing.name not in self._read:
            return _REQUIRED
        is_older_than_ours = thing.name in self._read and thing.read_at < self.now
        if is_older_than_ours or not trusted_since <= thing.read_at <= self.now:
            return NOT_REMEMBERED
        if thing.version != self._versions.get(thing.name):
            return _OTHER_VERSION
        if thing.desired_digest != self.desired_digests.get(thing.name, ""):
            return _OTHER_FILE
        if not have_same_marks(thing.principals, self._marks):
            return _OTHER_CERTIFICATES
        if thing.read_at < oldest:
            self._expected[thing.name] = thing.principals
            return EXPIRED
        return None

    def _is_named(self, name: str) -> bool:
        return self._preparation is not None and name in self._preparation.named

    def _prepare(self) -> None:
        """Read the registry's time, the feed and the marks of the certificates."""
        group = read_group(self.workspace, self.call)
        if group is None:  # before the first apply, nothing can be remembered
            self._is_usable = False
            return
        self.now = group.now.timestamp()
        try:
            self._pull()
            preparation = prepare_cache(self.cache, group, self.workspace, self.call, self.thing_count)
        except CacheError as error:
            self.give_up(error)
            return
        self.warnings += preparation.warnings
        self._read_certificates()
        self._preparation = preparation

    def _read_certificates(self) -> None:
        # Two pages are listed in the time in which the edges of four things are read.
        max_items = PAGE_SIZE * max(1, self.thing_count // 2)
        try:
            response = self.call(ApiCall("iot", "ListCertificates", max_items=max_items))
        except AwsError as error:
            if error.code not in NO_ACCESS_CODES:
                raise
            return  # only edges without certificates can then be remembered
        self._marks = find_marks(get_listed_certificates(response))
        if self.uses_certificates and not has_more_pages(response):
            self._certificates = response

    def _note_holders(self, arn: str, response: Response) -> None:
        """Have the edges read of each thing that has a principal which its remembered edges lack."""
        for name in find_holders(response) & self.remembered.keys():
            if not self._has_remembered_principal(name, arn):
                self._contradicted.add(name)

    def _has_remembered_principal(self, name: str, arn: str) -> bool:
        try:
            thing = self.cache.find(name) if self._is_usable else None
        except CacheError:
            return False
        return thing is not None and has_principal(thing.principals, arn)

    def _pull(self) -> None:
        """Add the readings that the team shares."""
        if self.shared:
            try:
                self.warnings += self.shared.pull(self.cache, self.now)
            except JournalError as error:
                self.warnings.append(f"the shared readings are not used: {error}")

    # ── storing ───────────────────────────────────────────────────────────────────────────────────

    def _record_edges(self, name: str, response: Response) -> None:
        self._read.add(name)
        self.remembered.pop(name, None)
        version = self._versions.get(name)
        principals = encode_principals(response, self._marks)
        expected = self._expected.pop(name, None)
        if expected is not None and not is_same_as(expected, response):
            self._unexplained.append(name)
        if self._preparation is not None and version is not None and principals is not None:
            desired_digest = self.desired_digests.get(name, "")
            self._unstored.append(RememberedThing(name, version, desired_digest, principals, self.now))
            if len(self._unstored) >= _STORED_AT_ONCE:
                self._store()

    def _store(self) -> None:
        if not self._is_usable:
            return
        try:
            self.cache.store(self._unstored)
        except CacheError as error:
            self.give_up(error)
        self._unstored.clear()

    def _distrust(self) -> None:
        try:
            self.cache.write_times(**{TRUSTED_SINCE: self.now})
        except CacheError as error:
            self.give_up(error)


def _lists_certificates(call: ApiCall) -> bool:
    return (call.service, call.operation) == ("iot", "ListCertificates") and not call.params


def _describe_unexplained(names: Sequence[str], reaction: str) -> str:
    things = names[0] if len(names) == 1 else f"{len(names):,} {make_plural('thing')}"
    result = "; all edges were read" if reaction != "warn" else "; `--read all` finds all such changes"
    return f"the edges of {things} changed, and neither CloudTrail nor a version shows it{result}"
