"""A visitor without a browser: Streamlit's own messages over its websocket, honest ones and crafted ones."""

import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

_QUIET = 0.25
"""Seconds without a message after which a run that has ended is taken for the last one."""
_WHOLE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
"""How a run ends that did not make way for another."""


class Classmate:
    """One visit. Elements of the page as it stands are held by their widget ids and texts."""

    def __init__(self, url: str, *, query: str = "", cookie: str = "") -> None:
        self.url, self.query = url.removeprefix("http://"), query
        self._open = ExitStack()
        kept = {"Cookie": f"_streamlit_xsrf={cookie}"} if cookie else {}
        asked = connect(
            f"ws://{self.url}/_stcore/stream", subprotocols=["streamlit"], max_size=None, open_timeout=60,  # type: ignore[list-item]
            additional_headers=kept,
        )  # fmt: skip
        self.socket: ClientConnection = self._open.enter_context(asked)
        self.session = ""
        self.page_hash = ""
        self.pages: dict[str, str] = {}
        """Hash of each page that the navigation offers, by its place in the address."""
        self.buttons: dict[str, str] = {}
        """Id of each button, by its key (the end of its id) and its label."""
        self.texts: list[str] = []
        self.titles: list[str] = []
        self.fields: dict[str, str] = {}
        """Id of each text field by its label."""
        self.received = bytearray()
        """All that the server ever sent."""

    def close(self) -> None:
        """Leave."""
        self._open.close()

    def send(self, message: BackMsg) -> None:
        """Send whatever it is."""
        self.socket.send(message.SerializeToString())

    def run(
        self,
        *,
        page: str = "",
        pressed: str = "",
        states: dict[str, Any] | None = None,
        query: str | None = None,
        wait: float = 60.0,
    ) -> float:
        """Ask for a run and wait for its end; returns the seconds that it took.

        Args:
            page: hash of a page; empty = the one that stands.
            pressed: id of a button.
            states: values of other widgets by id; bool and str.
            query: of the address; None = as before.
            wait: seconds, then AssertionError.
        """  # fmt: skip
        message = BackMsg()
        asked = message.rerun_script
        self.query = self.query if query is None else query
        asked.query_string, asked.page_script_hash = self.query, page or self.page_hash
        if pressed:
            state = asked.widget_states.widgets.add()
            state.id, state.trigger_value = pressed, True
        for name, value in (states or {}).items():
            state = asked.widget_states.widgets.add()
            state.id = name
            if isinstance(value, bool):
                state.bool_value = value
            else:
                state.string_value = str(value)
        self.buttons, self.texts, self.titles = {}, [], []
        begun = time.monotonic()
        self.send(message)
        return self._until_quiet(begun, wait)

    def until_button(self, prefix: str, wait: float = 60.0) -> str:
        """Read on until a button whose key begins so is there; returns its id. One run may call for another."""

        def found() -> list[str]:
            return [widget for key, widget in self.buttons.items() if key.startswith(prefix)]

        self._until(lambda: bool(found()), f"a button {prefix}", wait)
        return random.choice(found())

    def _until(self, is_there: Callable[[], bool], what: str, wait: float) -> None:
        """Read on until something is there."""
        end = time.monotonic() + wait
        while not is_there():
            assert time.monotonic() < end, f"{what} did not come"
            try:
                self._read(self.socket.recv(timeout=1.0))
            except TimeoutError:
                continue

    def listen(self, seconds: float) -> None:
        """Read whatever comes for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._read(self.socket.recv(timeout=left))
            except TimeoutError:
                return

    def _until_quiet(self, begun: float, wait: float) -> float:
        """Read on until the page came whole after it was asked for. What ended before, or made way for another run, is none."""
        is_begun, ended = False, 0.0
        while True:
            assert time.monotonic() - begun < wait, "the page did not come"
            try:
                raw = self.socket.recv(timeout=_QUIET if ended else wait)
            except TimeoutError:
                if ended:
                    return ended - begun
                raise AssertionError("the page did not come") from None
            forward = self._read(raw)
            kind = forward.WhichOneof("type")
            if kind == "new_session":
                is_begun, ended = is_begun or not forward.metadata.run.fragment_ids, 0.0
            elif kind == "script_finished" and is_begun and forward.script_finished in _WHOLE:
                ended = time.monotonic()

    def _read(self, raw: Any) -> ForwardMsg:
        """Take in a message."""
        self.received += raw
        forward = ForwardMsg.FromString(raw)
        kind = forward.WhichOneof("type")
        if kind == "new_session":
            self.session = forward.new_session.initialize.session_id or self.session
            self.page_hash = forward.new_session.page_script_hash
            self.buttons, self.texts, self.titles = {}, [], []
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in forward.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = forward.page_info_changed.query_string
        elif kind == "delta" and forward.delta.WhichOneof("type") == "new_element":
            self._take(forward.delta.new_element)
        return forward

    def _take(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "button":
            self.buttons[element.button.label] = element.button.id
            self.buttons[_key_of(element.button.id)] = element.button.id
        elif kind == "text_input":
            self.fields[element.text_input.label] = element.text_input.id
        elif kind in ("markdown", "heading", "alert"):
            body = getattr(element, kind).body
            self.texts.append(body)
            if kind == "heading":
                self.titles.append(body)

    def present(self, key: str) -> None:
        """Give the presenter's key, as the form does."""
        self.run()
        self.run(pressed=self.buttons["Present"], states={self.fields["Key"]: key})
        self._until(lambda: "storage" in self.pages, "the presenter's pages", 60.0)

    @property
    def said(self) -> str:
        """All text of the page as it stands."""
        return "\n".join(self.texts)


def _key_of(widget_id: str) -> str:
    """The key that the program gave a widget: what follows the hash in its id."""
    found = re.fullmatch(r"\$\$ID-[0-9a-f]+-(.*)", widget_id)
    return found.group(1) if found else widget_id


def upload(url: str, session: str, content: bytes, *, chunked: bool = False) -> int:
    """Put a file into a session's uploads as a browser would; returns the server's status.

    A server that refuses answers and hangs up while we still write, and its answer may go with the connection: then once more.
    """
    for _ in range(4):
        with suppress(ConnectionError):
            return _upload(url, session, content, chunked)
    return _upload(url, session, content, chunked)


def _upload(url: str, session: str, content: bytes, chunked: bool) -> int:
    edge = "classmates-edge"
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="x.yaml"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + content + f"\r\n--{edge}--\r\n".encode()  # fmt: skip
    token = token_of(url)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={edge}",
        "Cookie": f"_streamlit_xsrf={token}",
        "X-Xsrftoken": token,
    }
    data: Any = (part for part in (body[:50], body[50:])) if chunked else body
    asked = urllib.request.Request(
        f"{url}/_stcore/upload_file/{session}/a-file", data=data, headers=headers, method="PUT"
    )
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except urllib.error.URLError as lost:
        raise lost.reason if isinstance(lost.reason, ConnectionError) else lost from None


def token_of(url: str) -> str:
    """The cookie that the server gives to a browser."""
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=20) as answer:
        cookies = answer.headers.get_all("Set-Cookie") or []
    found = [match.group(1) for one in cookies if (match := re.search(r"_streamlit_xsrf=([^;]+)", one))]
    return found[0] if found else ""
