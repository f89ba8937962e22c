"""Handfast for Python: two processes joined by the fastest path that works between them.

    with handfast.Endpoint("rank1") as endpoint:
        connection = endpoint.connect("10.0.0.1:5000@rank0")
        connection.send(b"hello", tag=7).wait(5)
        print(endpoint.receive_bytes(tag=8, timeout=5).payload)

It is handfast.h by ctypes: each class says what the header says at greater length. Python 3.9, its standard library alone.
Timeouts are seconds, None for no limit; when one is over, `Timeout` is raised and nothing has changed. What Python functions that
the library calls raise goes to sys.excepthook; they must not call this module. Buffers are whatever memoryview takes, in one piece; those of a request are kept alive, and must not be changed or read until it is complete.
An endpoint is used by one thread at a time, unless it is made with `threads=True`. The library is looked for in
LIBHANDFAST, beside an installed module, in .build/library of the sources, and where the system looks.
"""
import ctypes
import enum
import operator
import os
import select
import sys
import time
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int32, c_int64, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Type, TypeVar, Union

Buffer = Union[bytes, bytearray, memoryview, Any]
Match = Callable[[bytes, "Connection"], bool]
Log = Callable[[int, str], None]
_Found = TypeVar("_Found")
_EVERY_BIT = 2**64 - 1


class Status(enum.IntEnum):
    OK, NOT_READY = 0, 1
    ARGUMENT, HANDLE, STALE, FORKED, REENTRANT, TIMEOUT, UNREACHABLE, REJECTED, NO_TRANSPORT = range(-1, -10, -1)
    CLOSED, PEER_LOST, PEER_RESTARTED, TRUNCATED, CANCELLED, RESOURCES, UNSUPPORTED, SYSTEM, OTHER = range(-10, -19, -1)


class State(enum.IntEnum):
    ON_DEMAND, CONNECTING, CONNECTED, CLOSING, CLOSED = range(1, 6)


class EventKind(enum.IntEnum):
    CLOSED, PEER_LOST, PEER_RESTARTED, FAILED = range(1, 5)


class LogLevel(enum.IntEnum):
    ERROR, WARNING, NOTICE, INFO, DEBUG, TRACE = range(1, 7)


class Error(Exception):
    """What the library refused or lost: `code`, and `text` in its own words.

    `system_error` is an errno or 0; `is_unsent`, of a send that failed, that no byte of it has left."""

    def __init__(self, code: int, text: str, system_error: int = 0, is_unsent: bool = False):
        super().__init__(text)
        self.code: int = Status(code) if code in Status._value2member_map_ else code
        self.text, self.system_error, self.is_unsent = text, system_error, is_unsent

    def __str__(self) -> str:
        return f"{getattr(self.code, 'name', self.code)}: {self.text}"


class Timeout(Error, TimeoutError):
    """A timeout of a call is over, or a connect took longer than settings allow."""


class ArgumentError(Error, ValueError):
    """An argument or a setting makes no sense; the text says what is allowed."""


class ConnectionLost(Error, ConnectionError):
    """The peer closed, vanished or was restarted, or is not to be reached."""


_kinds: Dict[int, Type[Error]] = {Status.NOT_READY: Timeout, Status.TIMEOUT: Timeout, Status.ARGUMENT: ArgumentError}
_kinds.update(dict.fromkeys((Status.CLOSED, Status.PEER_LOST, Status.PEER_RESTARTED, Status.UNREACHABLE), ConnectionLost))


class Completion(NamedTuple):
    """What a request came to. `connection` and `header` are those of a message that was received."""

    byte_count: int
    connection: "Optional[Connection]"
    header: bytes
    fetched: int


class Message(NamedTuple):
    payload: bytes
    header: bytes
    connection: "Connection"


class MessageInfo(NamedTuple):
    """A message that nobody has received: `tag` is the first eight bytes of its header."""

    byte_count: int
    header: bytes
    tag: int
    connection: "Connection"


class Finished(NamedTuple):
    """What a completion queue gives: `request.wait()` has the result at once, or raises the error."""

    request: "Request"
    context: Any


class Event(NamedTuple):
    """The end of a connection that this side did not close, and why."""

    kind: int
    connection: "Connection"
    error: Error


# ---- The structs of handfast_types.h; Python/Tests holds them to the recorded layout. ----
def _struct(name: str, *fields: Tuple[str, Any]) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": [("struct_byte_count", c_uint32), *fields]})


_Setting: Any = type("hf_setting", (ctypes.Structure,), {"_fields_": [("name", c_char_p), ("value", c_char_p)]})
_Options = _struct(
    "hf_options", ("thread_mode", c_uint32), ("name", c_char_p), ("settings", POINTER(_Setting)), ("setting_count", c_uint32),
    ("ignores_environment", c_uint32), ("log", c_void_p), ("log_context", c_void_p), ("log_level", c_uint32), ("reserved", c_uint32))
_ConnectOptions = _struct("hf_connect_options", ("mode", c_uint32), ("transports", c_char_p))
_Error = _struct("hf_error", ("status", c_int32), ("system_error", c_int32), ("is_unsent", c_uint32), ("text", c_char * 1024))
_Completion = _struct(
    "hf_completion", ("status", c_int32), ("byte_count", c_uint64), ("connection", c_uint64), ("fetched", c_uint64),
    ("context", c_uint64), ("header_byte_count", c_uint32), ("system_error", c_int32), ("is_unsent", c_uint32), ("reserved", c_uint32))
_MessageInfo = _struct(
    "hf_message_info", ("header_byte_count", c_uint32), ("connection", c_uint64), ("tag", c_uint64), ("byte_count", c_uint64),
    ("is_whole", c_uint32), ("reserved", c_uint32))
_Event = _struct(
    "hf_event", ("kind", c_int32), ("connection", c_uint64), ("status", c_int32), ("system_error", c_int32), ("text", c_char * 512))
_Notification = _struct("hf_notification", ("reserved", c_uint32), ("connection", c_uint64), ("value", c_uint64))
_Decision = _struct("hf_decision", ("outcome", c_int32), ("transport", c_char * 32), ("reason", c_char * 472))
_Piece: Any = type("iovec", (ctypes.Structure,), {"_fields_": [("iov_base", c_void_p), ("iov_len", ctypes.c_size_t)]})
_MatchFunction = ctypes.CFUNCTYPE(ctypes.c_bool, c_void_p, c_uint64, c_void_p, c_uint32)
_LogFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)
_HANDLE, _COUNT, _OUT = c_uint64, c_uint64, POINTER(c_uint64)
_TEXT = (c_char_p, ctypes.c_size_t, POINTER(ctypes.c_size_t))
_MATCH = (c_uint64, c_uint64)
_functions: Dict[str, Tuple[Any, ...]] = {
    "error_get": (POINTER(_Error),),
    "endpoint_create": (POINTER(_Options), _OUT), "endpoint_listen": (_HANDLE, c_char_p, c_uint16),
    "endpoint_address": (_HANDLE, *_TEXT), "endpoint_addresses": (_HANDLE, *_TEXT), "endpoint_name": (_HANDLE, *_TEXT),
    "endpoint_close": (_HANDLE,), "endpoint_is_closed": (_HANDLE, POINTER(ctypes.c_bool)), "endpoint_destroy": (_HANDLE,),
    "progress": (_HANDLE, POINTER(c_uint32)), "endpoint_fd": (_HANDLE, POINTER(c_int)), "endpoint_arm": (_HANDLE, POINTER(c_int)),
    "accept": (_HANDLE, _OUT), "endpoint_pending": (_HANDLE, *_TEXT), "endpoint_take_event": (_HANDLE, POINTER(_Event)),
    "connect": (_HANDLE, c_char_p, POINTER(_ConnectOptions), _OUT), "connection_wait": (_HANDLE, c_int64),
    "connection_state_get": (_HANDLE, POINTER(c_int)), "connection_peer_name": (_HANDLE, *_TEXT),
    "connection_transport": (_HANDLE, *_TEXT), "connection_decision": (_HANDLE, c_uint32, POINTER(_Decision)),
    "connection_is_local": (_HANDLE, POINTER(ctypes.c_bool)), "connection_close": (_HANDLE,),
    "send": (_HANDLE, c_void_p, _COUNT, c_void_p, c_uint32, _OUT), "send_tag": (_HANDLE, c_void_p, _COUNT, c_uint64, _OUT),
    "send_pieces": (_HANDLE, POINTER(_Piece), c_uint32, c_void_p, c_uint32, _OUT),
    "send_copy": (_HANDLE, c_void_p, _COUNT, c_void_p, c_uint32),
    "receive": (_HANDLE, _HANDLE, c_void_p, _COUNT, c_void_p, c_uint32, *_MATCH, _OUT),
    "receive_where": (_HANDLE, _HANDLE, c_void_p, _COUNT, c_void_p, c_uint32, _MatchFunction, c_void_p, _OUT),
    "probe": (_HANDLE, _HANDLE, *_MATCH, c_int64, c_void_p, c_uint32, POINTER(_MessageInfo)),
    "take_message": (_HANDLE, _HANDLE, *_MATCH, c_int64, _OUT),
    "message_look": (_HANDLE, c_void_p, c_uint32, POINTER(_MessageInfo)),
    "message_receive": (_HANDLE, c_void_p, _COUNT, c_void_p, c_uint32, _OUT),
    "request_test": (_HANDLE, POINTER(_Completion)), "request_status": (_HANDLE,),
    "request_cancel": (_HANDLE, POINTER(ctypes.c_bool)), "request_release": (_HANDLE,),
    "wait": (_HANDLE, c_int64, POINTER(_Completion)),
    "queue_create": (_HANDLE, _OUT), "queue_add": (_HANDLE, _HANDLE, c_uint64), "queue_wait": (_HANDLE, c_int64),
    "queue_poll": (_HANDLE, POINTER(_Completion), c_uint32, POINTER(c_uint32)), "queue_destroy": (_HANDLE,),
    "memory_register": (_HANDLE, c_void_p, _COUNT, c_uint32, _OUT), "memory_key": (_HANDLE, c_char_p),
    "memory_deregister": (_HANDLE,), "memory_is_in_use": (_HANDLE, POINTER(ctypes.c_bool)),
    "put": (_HANDLE, c_void_p, _COUNT, c_char_p, c_uint64, _OUT), "get": (_HANDLE, c_void_p, _COUNT, c_char_p, c_uint64, _OUT),
    "put_notify": (_HANDLE, c_void_p, _COUNT, c_char_p, c_uint64, c_uint64, _OUT),
    "fetch_add": (_HANDLE, c_char_p, c_uint64, c_uint32, c_uint64, _OUT),
    "swap": (_HANDLE, c_char_p, c_uint64, c_uint32, c_uint64, _OUT),
    "compare_swap": (_HANDLE, c_char_p, c_uint64, c_uint32, c_uint64, c_uint64, _OUT),
    "flush": (_HANDLE, _OUT), "endpoint_flush": (_HANDLE, _OUT), "take_notification": (_HANDLE, POINTER(_Notification)),
}


def _load() -> ctypes.CDLL:
    name, here = "libhandfast.so.0", Path(__file__).resolve()
    is_installed = here.parent.name == "dist-packages"
    places = [here.parents[2] / name if is_installed else here.parents[1] / ".build" / "library" / name]
    chosen = os.environ.get("LIBHANDFAST") or next((str(place) for place in places if place.exists()), name)
    try:
        library = ctypes.CDLL(chosen)
    except OSError as error:
        raise ImportError(f"{error}; LIBHANDFAST may say where {name} is, which Scripts/link-library makes") from None
    for function, arguments in _functions.items():
        entry = getattr(library, "hf_" + function)
        entry.argtypes, entry.restype = arguments, c_int
    library.hf_version.restype = c_uint32
    return library


_library = _load()
version: str = "{}.{}.{}".format(_library.hf_version() // 10**6, _library.hf_version() // 1000 % 1000, _library.hf_version() % 1000)


def _made(kind: Any, **fields: Any) -> Any:
    return kind(struct_byte_count=ctypes.sizeof(kind), **fields)


def _last_error(status: int) -> Error:
    details = _made(_Error)
    _library.hf_error_get(byref(details))
    is_its_own = details.status == status
    text = details.text.decode(errors="replace") if is_its_own else "not in time"
    return _kinds.get(status, Error)(status, text, details.system_error if is_its_own else 0, is_its_own and details.is_unsent != 0)


def _call(function: str, *arguments: Any) -> bool:
    """True for OK, False for NOT_READY; raises what is an error."""
    status: int = getattr(_library, "hf_" + function)(*arguments)
    if status < 0:
        raise _last_error(status)
    return status == Status.OK


def _out(function: str, *arguments: Any) -> int:
    result = c_uint64()
    if not _call(function, *arguments, byref(result)):
        raise _last_error(Status.NOT_READY)
    return result.value


def _text(function: str, handle: int) -> str:
    length = ctypes.c_size_t(4096)
    while True:
        room = ctypes.create_string_buffer(length.value)
        status = getattr(_library, "hf_" + function)(handle, room, len(room), byref(length))
        if status == Status.OK:
            return room.value.decode(errors="replace")
        if status != Status.TRUNCATED:
            raise _last_error(status)


def _slices(timeout: Optional[float], wait: Callable[[int], bool]) -> None:
    """Waits in parts, between which Python looks at its signals: of a tenth of a second first, of half a second in the end, because
    each begins with a look that may take long."""
    deadline, part = None if timeout is None else time.monotonic() + timeout, 0.1
    while True:
        left = part if deadline is None else min(part, max(0.0, deadline - time.monotonic()))
        if wait(int(left * 1e9)):
            return
        part = min(part + 0.1, 0.5)
        if deadline is not None and time.monotonic() >= deadline:
            raise _last_error(Status.NOT_READY)


def _readable(data: Buffer) -> Tuple[Any, int]:
    """What ctypes passes as a pointer, and the length; no copy but of memory that is read-only and not bytes."""
    if isinstance(data, bytes):
        return data, len(data)
    view = memoryview(data).cast("B")
    return (bytes(view), view.nbytes) if view.readonly else _writable(view)


def _writable(data: Buffer) -> Tuple[Any, int]:
    view = memoryview(data).cast("B")
    if view.readonly:
        raise TypeError(f"a writable buffer is needed, not {type(data).__name__}")
    return ((c_char * view.nbytes).from_buffer(view) if view.nbytes > 0 else None), view.nbytes


def _address(pointer: Any) -> Optional[int]:
    return ctypes.cast(pointer, c_void_p).value


def _kept_from_raising(function: Callable[..., Any], *arguments: Any) -> Any:
    """Of a function that the library calls, which knows no exceptions; None after one."""
    try:
        return function(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return None


def _key(key: bytes) -> bytes:
    if len(key) != 32:
        raise ArgumentError(Status.ARGUMENT, f"a key has 32 bytes, not {len(key)}")
    return bytes(key)


# ctypes cuts numbers that are too long, ends texts at a zero, and passes the memory of a text for bytes.
def _number(what: str, value: int, least: int = 0, most: int = _EVERY_BIT) -> int:
    number = operator.index(value)
    if not least <= number <= most:
        raise ArgumentError(Status.ARGUMENT, f"the {what} {number} is not from {least} to {most}")
    return number


def _term(value: int) -> int:
    """A number of an atomic operation, with a sign or without."""
    return _number("value", value, least=-(2**63))


def _encoded(what: str, text: str) -> bytes:
    if "\0" in text:
        raise ArgumentError(Status.ARGUMENT, f"the {what} {text!r} has a zero in it")
    return text.encode()


def _header_bytes(header: Optional[Buffer], tag: int) -> bytes:
    return _number("tag", tag).to_bytes(8, "little") if header is None else bytes(memoryview(header))


class Request:
    """A send, a receive or a one-sided operation under way. When nobody keeps it a receive is cancelled, and all else goes on."""

    def __init__(self, endpoint: "Endpoint", handle: int, kept: Any, header: Any = None, is_receive: bool = False):
        self._endpoint, self._handle, self._kept, self._header = endpoint, handle, kept, header
        self._is_receive = is_receive
        self._result: Optional[Completion] = None
        self._error: Optional[Error] = None
        self._is_taken = self._is_directed = False

    @property
    def is_complete(self) -> bool:
        """Whether it has ended, well or not; of one in a completion queue, whether it was had from there. Makes no progress."""
        return self._is_taken or not self._is_directed and _call("request_status", self._handle)

    def wait(self, timeout: Optional[float] = None) -> Completion:
        """Makes progress until it is complete. Raises the error by which it ended."""
        if not self._is_taken:
            _slices(timeout, lambda nanoseconds: self._take("wait", nanoseconds))
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def test(self) -> Optional[Completion]:
        """The same without waiting; None while it is under way."""
        return self.wait(0) if self._is_taken or self._take("request_test") else None

    def cancel(self) -> bool:
        """Ends a receive without a message, or a send of which nothing is out; then `wait` raises CANCELLED."""
        is_cancelled = ctypes.c_bool()
        if not self._is_taken:
            _call("request_cancel", self._handle, byref(is_cancelled))
        return is_cancelled.value

    def _take(self, function: str, *arguments: int) -> bool:
        if self._is_directed:
            raise ArgumentError(Status.ARGUMENT, "the result of the request goes to a completion queue")
        found = _made(_Completion)
        status: int = getattr(_library, "hf_" + function)(self._handle, *arguments, byref(found))
        if status != Status.NOT_READY:
            self._end(status, found)
        return status != Status.NOT_READY

    def _end(self, status: int, found: Any) -> None:
        """Takes the result over. The error is the thread's last."""
        if status != Status.OK:
            self._error = _last_error(status)
        else:
            header = bytes(self._header or b"")[: found.header_byte_count]
            self._result = Completion(found.byte_count, self._endpoint._connection(found.connection), header, found.fetched)
        self._is_taken, self._kept = True, None

    def __del__(self) -> None:
        if not self._is_taken:
            self._endpoint._given_up.append((self._handle, self._is_receive, self._kept, self._header))


class Connection:
    """One peer. What is sent before it is up waits for it."""

    def __init__(self, endpoint: "Endpoint", handle: int):
        self.endpoint, self._handle = endpoint, handle

    def wait(self, timeout: Optional[float] = None) -> "Connection":
        """Makes progress until it is up. Raises why it is not."""
        _slices(timeout, lambda nanoseconds: _call("connection_wait", self._handle, nanoseconds))
        return self

    @property
    def state(self) -> State:
        state = c_int()
        _call("connection_state_get", self._handle, byref(state))
        return State(state.value)

    @property
    def peer_name(self) -> str:
        return _text("connection_peer_name", self._handle)

    @property
    def transport(self) -> str:
        return _text("connection_transport", self._handle)

    @property
    def is_local(self) -> bool:
        """Whether the peer is on this host; `Timeout` while that is not known, before the connection is up."""
        answer = ctypes.c_bool()
        if not _call("connection_is_local", self._handle, byref(answer)):
            raise _last_error(Status.NOT_READY)
        return answer.value

    @property
    def decisions(self) -> List[Tuple[str, int, str]]:
        """Of each transport the name, what became of it (1 is chosen), and why."""
        found: List[Tuple[str, int, str]] = []
        decision = _made(_Decision)
        while _call("connection_decision", self._handle, len(found), byref(decision)):
            found.append((decision.transport.decode(), decision.outcome, decision.reason.decode(errors="replace")))
        return found

    def send(self, data: Buffer, tag: int = 0, header: Optional[Buffer] = None) -> Request:
        """Sends a message with a header, or with one that is the tag alone: eight bytes, little endian."""
        pointer, length = _readable(data)
        if header is None:
            return self._start("send_tag", pointer, pointer, length, _number("tag", tag))
        header = _header_bytes(header, tag)
        return self._start("send", (pointer, header), pointer, length, header, len(header))

    def send_pieces(self, pieces: Sequence[Buffer], tag: int = 0, header: Optional[Buffer] = None) -> Request:
        """Sends one message whose payload lies in several places, at most 16."""
        kept = [_readable(piece) for piece in pieces]
        list_of_all = (_Piece * len(kept))(*((_address(pointer), length) for pointer, length in kept))
        header = _header_bytes(header, tag)
        return self._start("send_pieces", (kept, header), list_of_all, len(kept), header, len(header))

    def send_copy(self, data: Buffer, tag: int = 0, header: Optional[Buffer] = None) -> None:
        """Sends a small message, at most 65,536 bytes with its header, and is done with it."""
        pointer, length = _readable(data)
        header = _header_bytes(header, tag)
        _call("send_copy", self._handle, pointer, length, header, len(header))

    def put(self, data: Buffer, key: bytes, offset: int = 0, notify: Optional[int] = None) -> Request:
        """Writes into the peer's memory; `notify` is then told to the peer (`Endpoint.take_notification`)."""
        pointer, length = _readable(data)
        place = (pointer, length, _key(key), _number("offset", offset))
        if notify is None:
            return self._start("put", pointer, *place)
        return self._start("put_notify", pointer, *place, _number("value", notify))

    def get(self, buffer: Buffer, key: bytes, offset: int = 0) -> Request:
        pointer, length = _writable(buffer)
        return self._start("get", pointer, pointer, length, _key(key), _number("offset", offset))

    def fetch_add(self, value: int, key: bytes, offset: int = 0, byte_count: int = 8) -> Request:
        """Adds to a number of the peer's; `fetched` of the completion is what it was."""
        return self._change("fetch_add", key, offset, byte_count, value)

    def swap(self, value: int, key: bytes, offset: int = 0, byte_count: int = 8) -> Request:
        return self._change("swap", key, offset, byte_count, value)

    def compare_swap(self, expected: int, desired: int, key: bytes, offset: int = 0, byte_count: int = 8) -> Request:
        return self._change("compare_swap", key, offset, byte_count, expected, desired)

    def flush(self) -> Request:
        """Complete when all one-sided operations before it are."""
        return self._start("flush", None)

    def close(self) -> None:
        """In order: what was sent goes out first. Messages of the peer that nobody has received are dropped."""
        _call("connection_close", self._handle)
        self.endpoint._connections.pop(self._handle, None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and other._handle == self._handle

    def __hash__(self) -> int:
        return hash(self._handle)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.state != State.CLOSED:
            self.close()

    def _change(self, function: str, key: bytes, offset: int, byte_count: int, *values: int) -> Request:
        place = (_key(key), _number("offset", offset), _number("byte count", byte_count, most=2**32 - 1))
        return self._start(function, None, *place, *map(_term, values))

    def _start(self, function: str, kept: Any, *arguments: Any) -> Request:
        self.endpoint._sweep()
        return Request(self.endpoint, _out(function, self._handle, *arguments), kept)


class Memory:
    """Memory that peers reach by its `key`, which is sent to them by any way."""

    def __init__(self, endpoint: "Endpoint", buffer: Buffer, permissions: int):
        self._endpoint = endpoint
        self._kept, length = _writable(buffer)
        self._handle = _out("memory_register", endpoint._handle, self._kept, length, permissions)
        room = ctypes.create_string_buffer(32)
        _call("memory_key", self._handle, room)
        self.key: bytes = room.raw
        endpoint._memories.add(self)

    def deregister(self, timeout: Optional[float] = None) -> None:
        """Refuses the key, and waits until no peer is in the memory any more."""
        _call("memory_deregister", self._handle)
        self._endpoint._until(lambda: None if self._endpoint._is("memory_is_in_use", self._handle) else True, timeout)
        self._endpoint._memories.discard(self)
        self._kept = None

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.deregister(10)


class CompletionQueue:
    """Results of many requests, in the order of their completion. The endpoint keeps it until it is closed."""

    def __init__(self, endpoint: "Endpoint"):
        self._endpoint = endpoint
        self._open: Dict[int, Finished] = {}
        self._last = 0
        self._handle = _out("queue_create", endpoint._handle)
        endpoint._queues.add(self)

    def add(self, request: Request, context: Any = None) -> None:
        """Directs a request to it, complete or not; from now on it is to be cancelled or had from here alone."""
        if request._is_taken or request._is_directed:
            raise ArgumentError(Status.ARGUMENT, "the result of the request was taken already, or goes to a completion queue")
        _call("queue_add", self._handle, request._handle, self._last + 1)
        self._last += 1
        self._open[self._last] = Finished(request, context)
        request._is_directed = True

    def poll(self) -> Iterator[Finished]:
        """Those that are complete by now. Makes no progress."""
        found, count = _made(_Completion), c_uint32()
        # One at a time, because the last error is that of one.
        while _call("queue_poll", self._handle, byref(found), 1, byref(count)) and count.value == 1:
            done = self._open.pop(found.context)
            done.request._end(found.status, found)
            yield done

    def wait(self, timeout: Optional[float] = None) -> List[Finished]:
        """Makes progress until one is complete; all that are by then."""
        _slices(timeout, lambda nanoseconds: _call("queue_wait", self._handle, nanoseconds))
        return list(self.poll())

    def __len__(self) -> int:
        """How many requests are directed to it whose result nobody has taken."""
        return len(self._open)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Ends it. Receives that have not matched are cancelled; what is under way goes on, and its memory is kept until the
        endpoint is destroyed, because nobody is told when it is done."""
        if self._handle == 0:
            return
        for each in self._open.values():
            each.request.cancel()
        list(self.poll())
        _call("queue_destroy", self._handle)
        for each in self._open.values():
            self._endpoint._unwatched.append(each.request._kept)
            each.request._error, each.request._is_taken = Error(Status.STALE, "the completion queue was closed"), True
        self._open.clear()
        self._endpoint._queues.discard(self)
        self._handle = 0

    def __enter__(self) -> "CompletionQueue":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Endpoint:
    """A process's own end. As a context it is closed in order at the end, and destroyed at once after an exception."""

    def __init__(
        self, name: Optional[str] = None, settings: Optional[Dict[str, str]] = None, threads: bool = False,
        ignores_environment: bool = False, log: Optional[Log] = None, log_level: int = LogLevel.WARNING,
    ):
        """`log` gets each line with its level, from `log_level` on; without it they go to standard error."""
        items = [(_encoded("setting", key), _encoded(key, value)) for key, value in (settings or {}).items()]
        options = _made(
            _Options, thread_mode=int(threads), name=None if name is None else _encoded("name", name),
            settings=(_Setting * len(items))(*items), setting_count=len(items), ignores_environment=int(ignores_environment),
            log_level=int(log_level))
        self._log = _LogFunction(lambda _, level, text: _kept_from_raising(log, level, text.decode(errors="replace"))) if log else None
        if self._log is not None:
            options.log = _address(self._log)
        self._connections: Dict[int, Connection] = {}
        self._memories: "set[Memory]" = set()
        self._queues: "set[CompletionQueue]" = set()
        self._unwatched: List[Any] = []
        self._given_up: List[Tuple[int, bool, Any, Any]] = []
        self._handle = _out("endpoint_create", byref(options))

    def listen(self, host: Optional[str] = None, port: int = 0) -> str:
        """Accepts peers from now on; returns the address that they need."""
        host_bytes = None if host is None else _encoded("host", host)
        _call("endpoint_listen", self._handle, host_bytes, _number("port", port, most=65535))
        return self.address

    @property
    def address(self) -> str:
        return _text("endpoint_address", self._handle)

    @property
    def name(self) -> str:
        return _text("endpoint_name", self._handle)

    @property
    def pending(self) -> List[str]:
        """The connects under way, the longest first: with whom, what has not come yet, since when."""
        return _text("endpoint_pending", self._handle).splitlines()

    @property
    def file_descriptor(self) -> int:
        fd = c_int()
        _call("endpoint_fd", self._handle, byref(fd))
        return fd.value

    def connect(self, address: str, on_demand: bool = False, transports: Optional[str] = None) -> Connection:
        chosen = None if transports is None else _encoded("list of transports", transports)
        options = _made(_ConnectOptions, mode=int(on_demand), transports=chosen)
        return self._known(_out("connect", self._handle, _encoded("address", address), byref(options)))

    def accept(self, timeout: Optional[float] = None) -> Connection:
        """Waits for a connection that a peer makes."""
        return self._until(lambda: self._taken("accept"), timeout)

    def progress(self) -> int:
        """Moves what there is to move; how many things were done."""
        self._sweep()
        count = c_uint32()
        _call("progress", self._handle, byref(count))
        return count.value

    def receive(
        self, buffer: Buffer, tag: Optional[int] = None, mask: int = _EVERY_BIT, source: Optional[Connection] = None,
        header_room: int = 0,
    ) -> Request:
        """Posts a receive into a writable buffer; without a tag it takes any message, without a source from anyone."""
        self._sweep()
        pointer, length = _writable(buffer)
        header = ctypes.create_string_buffer(header_room) if header_room > 0 else None
        arguments = (self._handle, _handle(source), pointer, length, header, header_room, *_matching(tag, mask))
        return Request(self, _out("receive", *arguments), pointer, header, is_receive=True)

    def receive_where(self, buffer: Buffer, match: Match, source: Optional[Connection] = None, header_room: int = 0) -> Request:
        """Posts a receive for the next message whose header and connection `match` is true for. It is called while the endpoint
        is driven, any number of times."""
        self._sweep()
        pointer, length = _writable(buffer)
        header = ctypes.create_string_buffer(header_room) if header_room > 0 else None
        function = _MatchFunction(
            lambda _, connection, start, count: bool(
                _kept_from_raising(lambda: match(ctypes.string_at(start, count) if count > 0 else b"", self._known(connection)))))
        arguments = (self._handle, _handle(source), pointer, length, header, header_room, function, None)
        return Request(self, _out("receive_where", *arguments), (pointer, function), header, is_receive=True)

    def completion_queue(self) -> CompletionQueue:
        return CompletionQueue(self)

    def receive_bytes(
        self, tag: Optional[int] = None, mask: int = _EVERY_BIT, source: Optional[Connection] = None, timeout: Optional[float] = None,
    ) -> Message:
        """Waits for the next message, of whatever length, and receives it as bytes. Its data may take the time once more; when they take
        longer (a peer that stands still) the message is lost, and the `Timeout` says so."""
        message, info = c_uint64(), _made(_MessageInfo)
        arguments = (self._handle, _handle(source), *_matching(tag, mask))
        _slices(timeout, lambda nanoseconds: _call("take_message", *arguments, nanoseconds, byref(message)))
        _call("message_look", message.value, None, 0, byref(info))
        payload, header = bytearray(info.byte_count), ctypes.create_string_buffer(max(info.header_byte_count, 1))
        pointer, length = _writable(payload)
        handle = _out("message_receive", message.value, pointer, length, header, info.header_byte_count)
        try:
            done = Request(self, handle, pointer, header).wait(timeout)
        except Timeout as error:
            raise Timeout(error.code, f"{error.text}; the message of {len(payload)} bytes had been found, and is lost") from None
        assert done.connection is not None
        del pointer
        return Message(bytes(payload), done.header, done.connection)

    def probe(
        self, tag: Optional[int] = None, mask: int = _EVERY_BIT, source: Optional[Connection] = None, timeout: Optional[float] = 0,
    ) -> Optional[MessageInfo]:
        """Looks for a message that no receive has matched, and leaves it there; None when there is none in time."""
        info, header = _made(_MessageInfo), ctypes.create_string_buffer(65503)
        arguments = (self._handle, _handle(source), *_matching(tag, mask))
        try:
            _slices(timeout, lambda nanoseconds: _call("probe", *arguments, nanoseconds, header, len(header), byref(info)))
        except Timeout:
            return None
        return MessageInfo(info.byte_count, header.raw[: info.header_byte_count], info.tag, self._known(info.connection))

    def take_event(self, timeout: Optional[float] = 0) -> Optional[Event]:
        """The oldest news of a connection that has ended; None when there is none in time."""
        event = _made(_Event)
        try:
            self._until(lambda: _call("endpoint_take_event", self._handle, byref(event)) or None, timeout)
        except Timeout:
            return None
        kind = EventKind(event.kind) if event.kind in EventKind._value2member_map_ else event.kind
        text = event.text.decode(errors="replace")
        return Event(kind, self._known(event.connection), _kinds.get(event.status, Error)(event.status, text, event.system_error))

    def register(self, buffer: Buffer, get: bool = True, put: bool = True, atomic: bool = False) -> Memory:
        """Lets peers read, write or count in a writable buffer, until it is deregistered."""
        return Memory(self, buffer, int(get) + 2 * int(put) + 4 * int(atomic))

    def take_notification(self, timeout: Optional[float] = None) -> Tuple[int, Connection]:
        """Waits for the value of a `put`, whose bytes are there by then, and who has put."""
        found = _made(_Notification)
        self._until(lambda: _call("take_notification", self._handle, byref(found)) or None, timeout)
        return found.value, self._known(found.connection)

    def flush(self) -> Request:
        return Request(self, _out("endpoint_flush", self._handle), None)

    def close(self, timeout: Optional[float] = 10) -> None:
        """Closes all connections in order, waits for that, and destroys the endpoint in any case."""
        if self._handle == 0:
            return
        try:
            _call("endpoint_close", self._handle)
            self._until(lambda: self._is("endpoint_is_closed", self._handle) or None, timeout)
        finally:
            self.destroy()

    def destroy(self) -> None:
        """Ends everything at once. Memory of requests that were under way is free again."""
        handle, self._handle = self._handle, 0
        if handle != 0:
            _call("endpoint_destroy", handle)
        for queue in self._queues:
            queue._handle = 0
            queue._open.clear()
        for kept in (self._queues, self._unwatched, self._given_up, self._memories):
            kept.clear()

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.close() if kind is None else self.destroy()

    def _known(self, handle: int) -> Connection:
        return self._connections.setdefault(handle, Connection(self, handle))

    def _connection(self, handle: int) -> Optional[Connection]:
        return self._known(handle) if handle != 0 else None

    def _taken(self, function: str) -> Optional[Connection]:
        result = c_uint64()
        return self._known(result.value) if _call(function, self._handle, byref(result)) else None

    @staticmethod
    def _is(function: str, handle: int) -> bool:
        answer = ctypes.c_bool()
        _call(function, handle, byref(answer))
        return answer.value

    def _until(self, take: "Callable[[], Optional[_Found]]", timeout: Optional[float]) -> _Found:
        """Makes progress until `take` has something; sleeps on the descriptor meanwhile."""
        deadline, poll, milliseconds = None if timeout is None else time.monotonic() + timeout, select.poll(), c_int()
        poll.register(self.file_descriptor, select.POLLIN)
        while True:
            found = take()
            if found is not None:
                return found
            if self.progress() > 0:
                continue
            left = 100 if deadline is None else int(min(0.1, deadline - time.monotonic()) * 1000) + 1
            if deadline is not None and time.monotonic() >= deadline:
                raise _last_error(Status.NOT_READY)
            if _call("endpoint_arm", self._handle, byref(milliseconds)):
                poll.poll(left if milliseconds.value < 0 else min(left, milliseconds.value))

    def _sweep(self) -> None:
        """Ends what nobody waits for. Its memory is kept until the library no longer needs it."""
        if self._given_up:
            entries, self._given_up = self._given_up, []
            for entry in entries:
                if entry[1] and not _call("request_status", entry[0]):
                    _call("request_cancel", entry[0], None)
                if _call("request_status", entry[0]):
                    _call("request_release", entry[0])
                else:
                    self._given_up.append(entry)


def wait_all(requests: Sequence[Request], timeout: Optional[float] = None) -> List[Completion]:
    """Waits for all of a list within one timeout. Raises the first that failed, by the order of the list."""
    deadline = None if timeout is None else time.monotonic() + timeout
    return [request.wait(None if deadline is None else max(0.0, deadline - time.monotonic())) for request in requests]


def _handle(source: Optional[Connection]) -> int:
    return 0 if source is None else source._handle


def _matching(tag: Optional[int], mask: int) -> Tuple[int, int]:
    return (0, 0) if tag is None else (_number("tag", tag), _number("mask", mask))
