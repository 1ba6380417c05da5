"""A page is handed over whole before the next run of it begins, however late the server is.

Streamlit hands over what a script draws by its event loop, after the script has drawn it. Where a part of the page is
asked for anew (it looks again every few seconds) just as the script has ended, and the loop is late, Streamlit 1.67
begins a new runner at once and throws away all that the old one still had on the way: the rest of the page, and the word
that it is whole. With fifteen visitors on two cores this was seen in one of thirty visits; the page then stands half
drawn until somebody reloads it. Here such a request waits until the loop has handed over what is on the way.

The names used are Streamlit's own and private: tests/pages/test_delivery.py makes the fault, with and without this.
"""

from collections import deque
from functools import cache
from typing import Any

from streamlit.runtime.app_session import AppSession, AppSessionState

_SECONDS = 0.02
"""Between two looks whether the old runner is through."""


@cache
def mend() -> None:
    """Let requests wait for a runner that has ended and is not yet heard out; once for all sessions of this process."""
    begin = AppSession._create_scriptrunner

    def create(session: AppSession, asked: Any) -> None:
        if session._scriptrunner is not None:  # it refused, since it has ended; what it drew is on the way
            waiting(session).append(asked)
            if len(waiting(session)) == 1:
                session._event_loop.call_later(_SECONDS, go_on, session)
            return
        if not asked.fragment_id:  # draws every part anew, with newer choices than those that wait
            waiting(session).clear()
        begin(session, asked)

    def go_on(session: AppSession) -> None:
        left = waiting(session)
        while left and session._state is not AppSessionState.SHUTDOWN_REQUESTED:
            if session._scriptrunner is None:
                begin(session, left.popleft())
            elif session._scriptrunner.request_rerun(left[0]):
                left.popleft()
            else:
                session._event_loop.call_later(_SECONDS, go_on, session)
                return

    AppSession._create_scriptrunner = create  # type: ignore[method-assign]


def waiting(session: AppSession) -> deque[Any]:
    """What one visit has asked for that waits, first come first."""
    return session.__dict__.setdefault("_tunescope_waiting", deque())
