"""Talks to the double through the Python client of KurrentDB and says what it saw, a line a check.

    python check.py CONNECTION_STRING             every check
    python check.py CONNECTION_STRING subscribe   says "subscribed", and "ended" when the server ended the subscription

Ends with 0 when the double behaves as that client expects of a server, with 1 and the reason otherwise.
"""

import sys
import uuid
from collections.abc import Callable

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)

WAIT = 20  # seconds until a call or a subscription gives up


def event(kind: str, text: str, event_id: uuid.UUID | None = None) -> NewEvent:
    return NewEvent(
        type=kind,
        data=text.encode(),
        metadata=b'{"by":"check"}',
        content_type="application/json",
        id=event_id or uuid.uuid4(),
    )


def name(prefix: str = "foreign") -> str:
    return f"{prefix}-{uuid.uuid4()}"


def refused(error: type[Exception], call: Callable[[], object]) -> Exception:
    try:
        result = call()
    except error as refusal:
        return refusal
    raise AssertionError(f"{error.__name__} was due, got {result!r}")


def append_and_read(client: KurrentDBClient) -> None:
    stream = name()
    events = [event("Opened", f'{{"n":{n}}}') for n in range(5)]
    first = client.append_to_stream(
        stream, current_version=StreamState.NO_STREAM, events=events[:3]
    )
    second = client.append_to_stream(stream, current_version=2, events=events[3:])
    assert first < second, (first, second)
    stored = client.get_stream(stream)
    assert [e.id for e in stored] == [e.id for e in events]
    assert [e.stream_position for e in stored] == [0, 1, 2, 3, 4]
    assert [e.data for e in stored] == [e.data for e in events]
    assert all(e.metadata == b'{"by":"check"}' for e in stored)
    assert all(e.type == "Opened" and e.content_type == "application/json" for e in stored)
    assert all(e.recorded_at is not None for e in stored)
    places = [e.commit_position for e in stored]
    assert places == sorted(set(places)) and places[-1] == second, (places, second)
    middle = client.get_stream(stream, stream_position=1, limit=2)
    assert [e.stream_position for e in middle] == [1, 2]
    back = client.get_stream(stream, backwards=True, limit=2)
    assert [e.stream_position for e in back] == [4, 3]
    assert client.get_current_version(stream) == 4


def append_one_by_one(client: KurrentDBClient) -> None:
    """The same through the call that older clients make for every append."""
    stream = name()
    client.append_events(
        stream,
        current_version=StreamState.NO_STREAM,
        events=[event("Opened", "{}"), event("Opened", "{}")],
    )
    client.append_event(stream, current_version=1, event=event("Closed", "{}"))
    assert [e.type for e in client.get_stream(stream)] == ["Opened", "Opened", "Closed"]
    refused(
        WrongCurrentVersionError,
        lambda: client.append_event(stream, current_version=1, event=event("Closed", "{}")),
    )


def many_events(client: KurrentDBClient) -> None:
    stream = name()
    events = [event("Counted", f'{{"n":{n}}}') for n in range(1500)]
    for start in range(0, len(events), 500):
        version = start - 1 if start else StreamState.NO_STREAM
        client.append_to_stream(
            stream, current_version=version, events=events[start : start + 500]
        )
    assert [e.id for e in client.get_stream(stream)] == [e.id for e in events]
    back = client.get_stream(stream, backwards=True)
    assert [e.id for e in back] == [e.id for e in reversed(events)]


def conflicts(client: KurrentDBClient) -> None:
    stream = name()
    for version in (0, StreamState.EXISTS):
        refused(
            WrongCurrentVersionError,
            lambda version=version: client.append_to_stream(
                stream, current_version=version, events=[event("Opened", "{}")]
            ),
        )
    client.append_to_stream(
        stream, current_version=StreamState.NO_STREAM, events=[event("Opened", "{}")]
    )
    refusal = refused(
        WrongCurrentVersionError,
        lambda: client.append_to_stream(
            stream, current_version=StreamState.NO_STREAM, events=[event("Opened", "{}")]
        ),
    )
    assert "0" in str(refusal), refusal
    refused(
        WrongCurrentVersionError,
        lambda: client.append_to_stream(stream, current_version=7, events=[event("Closed", "{}")]),
    )
    assert client.get_current_version(stream) == 0


def repeating(client: KurrentDBClient) -> None:
    stream = name()
    events = [event("Opened", "{}"), event("Closed", "{}")]
    first = client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    again = client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    anyhow = client.append_to_stream(stream, current_version=StreamState.ANY, events=events)
    assert first == again == anyhow, (first, again, anyhow)
    assert len(client.get_stream(stream)) == 2
    refused(
        WrongCurrentVersionError,
        lambda: client.append_to_stream(
            stream,
            current_version=StreamState.NO_STREAM,
            events=[events[0], event("Closed", "{}")],
        ),
    )


def everything(client: KurrentDBClient) -> None:
    stream = name("all")
    start = client.get_commit_position()
    events = [event("Opened", "{}") for _ in range(3)]
    last = client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    assert client.get_commit_position() == last
    with client.read_all(commit_position=start, filter_include=["all-.*"], filter_by_stream_name=True) as found:
        assert [e.id for e in found] == [e.id for e in events]
    with client.read_all(commit_position=last, filter_exclude=[]) as found:
        assert [e.id for e in found] == [events[2].id], "a read begins with its position"
    with client.read_all(commit_position=last, backwards=True, limit=2) as found:
        assert [e.id for e in found] == [events[1].id, events[0].id], "backwards it does not"


def catching_up(client: KurrentDBClient) -> None:
    stream = name("sub")
    old, new = event("Opened", '{"n":0}'), event("Closed", '{"n":1}')
    client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=[old])
    with client.subscribe_to_stream(stream, timeout=WAIT) as of_stream:
        assert next(of_stream).id == old.id
        with client.subscribe_to_all(
            filter_include=[stream], filter_by_stream_name=True, timeout=WAIT
        ) as of_all:
            seen = next(of_all)
            assert seen.id == old.id
            client.append_to_stream(stream, current_version=0, events=[new])
            assert next(of_stream).id == new.id
            assert next(of_all).id == new.id
    with client.subscribe_to_all(commit_position=seen.commit_position, timeout=WAIT) as after:
        assert next(after).id == new.id, "a subscription begins after its position"
    with client.subscribe_to_stream(stream, stream_position=0, timeout=WAIT) as after:
        assert next(after).id == new.id


def caught_up_and_checkpoints(client: KurrentDBClient) -> None:
    stream = name("quiet")
    client.append_to_stream(
        stream, current_version=StreamState.NO_STREAM, events=[event("Opened", "{}")] * 1
    )
    with client.subscribe_to_all(
        filter_include=["nothing is called so"],
        include_checkpoints=True,
        include_caught_up=True,
        timeout=WAIT,
    ) as subscription:
        met = [next(subscription)]
        while type(met[-1]).__name__ != "CaughtUp":
            met.append(next(subscription))
    kinds = {type(one).__name__ for one in met}
    assert kinds == {"Checkpoint", "CaughtUp"}, kinds


def deleting(client: KurrentDBClient) -> None:
    stream = name("gone")
    refused(NotFoundError, lambda: client.get_stream(stream))
    client.append_to_stream(
        stream,
        current_version=StreamState.NO_STREAM,
        events=[event("Opened", "{}"), event("Closed", "{}")],
    )
    refused(WrongCurrentVersionError, lambda: client.delete_stream(stream, current_version=0))
    client.delete_stream(stream, current_version=1)
    refused(NotFoundError, lambda: client.get_stream(stream))
    client.append_to_stream(
        stream, current_version=StreamState.NO_STREAM, events=[event("Opened", "{}")]
    )
    assert [e.stream_position for e in client.get_stream(stream)] == [2]


def tombstones(client: KurrentDBClient) -> None:
    stream = name("tomb")
    client.append_to_stream(
        stream, current_version=StreamState.NO_STREAM, events=[event("Opened", "{}")]
    )
    with client.subscribe_to_stream(stream, timeout=WAIT) as subscription:
        next(subscription)
        client.tombstone_stream(stream, current_version=0)
        refused(StreamIsDeletedError, lambda: next(subscription))
    refused(StreamIsDeletedError, lambda: client.get_stream(stream))
    for version in (0, StreamState.NO_STREAM, StreamState.ANY):
        refused(
            StreamIsDeletedError,
            lambda version=version: client.append_to_stream(
                stream, current_version=version, events=[event("Opened", "{}")]
            ),
        )
    refused(StreamIsDeletedError, lambda: client.tombstone_stream(stream, current_version=0))


def metadata(client: KurrentDBClient) -> None:
    stream = name("meta")
    events = [event("Opened", "{}") for _ in range(4)]
    client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    client.set_stream_metadata(stream, metadata={"$tb": 2})
    assert client.get_stream_metadata(stream)[0] == {"$tb": 2}
    assert [e.stream_position for e in client.get_stream(stream)] == [2, 3]


CHECKS = [
    append_and_read,
    append_one_by_one,
    many_events,
    conflicts,
    repeating,
    everything,
    catching_up,
    caught_up_and_checkpoints,
    deleting,
    tombstones,
    metadata,
]


def subscribe(client: KurrentDBClient) -> None:
    with client.subscribe_to_all(include_caught_up=True, timeout=WAIT) as subscription:
        next(subscription)
        print("subscribed", flush=True)
        for met in subscription:
            print(f"met {met.type}", flush=True)
        print("ended", flush=True)


def main() -> int:
    client = KurrentDBClient(uri=sys.argv[1])
    if sys.argv[2:] == ["subscribe"]:
        subscribe(client)
        return 0
    failed = 0
    for check in CHECKS:
        try:
            check(client)
            print(f"ok: {check.__name__}", flush=True)
        except Exception as error:  # every check is to be heard
            failed += 1
            print(f"FAILED: {check.__name__}: {type(error).__name__}: {error}", flush=True)
    client.close()
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
